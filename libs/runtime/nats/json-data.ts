// Writes JSON as the data of a message, and reads it back.

/** Encodes a value; undefined becomes an empty message. */
export function encodeJson(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Decodes a message; null = it is empty. Throws on what is no JSON. */
export function decodeJson(data: Uint8Array): unknown {
  return data.length === 0 ? null : JSON.parse(new TextDecoder().decode(data));
}
