// Makes bearer tokens and hashes them. A token's text is shown once; only its hash is stored.
import { createHash, randomBytes } from 'node:crypto';

/** Makes a token of 256 random bits: `fg_` and base64url. */
export function newToken(): string {
  return `fg_${randomBytes(32).toString('base64url')}`;
}

/** Gives the SHA-256 of a token as it is stored, in lower-case hex. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
