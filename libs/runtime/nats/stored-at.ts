// Reads the time of a stored message, to the nanosecond.

/** Turns a server's RFC 3339 time into nanoseconds since 1970, in decimal, as acknowledgement subjects say it. */
export function storedAtOf(timestamp: string): string {
  const [, seconds = '', fraction = '', zone = ''] = /^(.*?)(?:\.(\d{1,9}))?(Z|[-+]\d\d:\d\d)$/.exec(timestamp) ?? [];
  return `${Date.parse(seconds + zone) / 1000}${fraction.padEnd(9, '0')}`;
}
