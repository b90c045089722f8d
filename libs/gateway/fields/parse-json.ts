// Reads JSON of which nobody knows whether it is any.

/** Gives the value; undefined where the text is no JSON, or there is none. */
export function parseJson(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
