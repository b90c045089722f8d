// Knows what Envoy takes in header names, header values and hosts. What it refuses would cost the whole resource, so it
// is kept out here.

const tokenPattern = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const valuePattern = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;
const hostPattern = /^[A-Za-z0-9._-]+$/;
const lengthMax = 16_384;

/** Tells whether a text is a header name that can be matched, set or removed; Host is not a header to Envoy. */
export function isHeaderName(name: string): boolean {
  return name.length <= 256 && tokenPattern.test(name) && name.toLowerCase() !== 'host';
}

/** Tells whether a text is a header value without control characters. */
export function isHeaderValue(value: string): boolean {
  return Buffer.byteLength(value) <= lengthMax && value.isWellFormed() && valuePattern.test(value);
}

/** Tells whether a text is a host name to put in Host or Location. */
export function isHostName(host: string): boolean {
  return host.length <= 253 && hostPattern.test(host);
}

/** Tells whether a text is a path to put in a request or Location: no query, no fragment, no control characters. */
export function isPath(path: string): boolean {
  return path.length <= 8192 && /^\/[!"$->@-~]*$/.test(path);
}
