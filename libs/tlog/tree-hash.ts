// Hashes leaves and nodes of a Merkle tree as RFC 6962, section 2.1, has it: SHA-256 with a byte in front that tells
// one from the other.
import { hash } from 'node:crypto';

/** How many bytes a hash has. */
export const hashBytes = 32;

const nodeInput = Buffer.alloc(1 + 2 * hashBytes, 1);

/** Hashes a leaf: bytes, or a text by its UTF-8 bytes. */
export function hashLeaf(leaf: Uint8Array | string): Buffer {
  return hash('sha256', typeof leaf === 'string' ? `\0${leaf}` : Buffer.concat([Buffer.of(0), leaf]), 'buffer');
}

/** Hashes a node from the hashes of its two children. */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashBytes);
  return hash('sha256', nodeInput, 'buffer');
}

/** Gives the root of a tree without leaves. */
export function hashNothing(): Buffer {
  return hash('sha256', '', 'buffer');
}

/** Gives the root over hashes of one level: each left part is the largest power of two below their number. */
export function hashLevel(hashes: readonly Uint8Array[]): Uint8Array {
  let peaks: readonly Uint8Array[] = hashes;
  while (peaks.length > 1) {
    const above: Uint8Array[] = [];
    for (let at = 0; at < peaks.length; at += 2) {
      const [left, right] = [peaks[at], peaks[at + 1]];
      if (left !== undefined) above.push(right === undefined ? left : hashNode(left, right));
    }
    peaks = above;
  }
  return peaks[0] ?? hashNothing();
}

/** Cuts bytes into hashes. */
export function cutHashes(bytes: Uint8Array): readonly Uint8Array[] {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += hashBytes) hashes.push(bytes.subarray(at, at + hashBytes));
  return hashes;
}
