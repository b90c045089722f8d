// Reads the subject by which a stream's message is acknowledged: it also says which message it is.

/**
 * Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>`.
 */
export function parseAckSubject(subject: string): {
  readonly seq: number;
  readonly deliveries: number;
  /** When the stream stored the message: nanoseconds since 1970, in decimal. */
  readonly storedAt: string;
} {
  const parts = subject.split('.');
  const offset = parts.length > 9 ? 2 : 0;
  return { seq: Number(parts[5 + offset]), deliveries: Number(parts[4 + offset]), storedAt: parts[7 + offset] ?? '' };
}
