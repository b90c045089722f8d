// Checks a proof of an event without a database: the entry, its place in the tree, and who signed the tree.
import { hash } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { NoteKey } from '#libs/tlog/note-key.ts';
import { parseProofFile } from '#libs/tlog/proof-file.ts';
import { verifyInclusion } from '#libs/tlog/proof.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { type SignedCheckpoint, describeSigners, readCheckpoint } from './published-log.ts';

/** Says what a proof shows. */
export interface CheckedProof {
  readonly seq: number;
  readonly origin: string;
  /** How many events the signed tree has. */
  readonly size: number;
  readonly signedBy: string;
  /** What the leaf says of the event. */
  readonly event: Readonly<Record<string, unknown>>;
  /** Whether the data of the event was there and has the hash that the leaf says. */
  readonly hasData: boolean;
}

/** As `audit prove --output json` writes it. */
const jsonProof = z.object({ proof: z.string(), data: z.string().optional() });
const leafRecord = z.looseObject({ v: z.literal(1), seq: z.number(), data: z.string() });

/** Checks the text of a proof, or the JSON around it. Throws FleetgateError 'checkpoint-untrusted'. */
export function checkProof(text: string, from: string, keys: readonly NoteKey[]): CheckedProof {
  const { proof: proofText, data } = text.startsWith('{') ? parseJsonProof(text, from) : { proof: text };
  const proof = parseProofFile(proofText);
  if (typeof proof === 'string') throw untrusted(from, `it is no proof: ${proof}`);
  const checkpoint: SignedCheckpoint = readCheckpoint(proof.checkpoint, from, keys);
  if (proof.entry === undefined) throw untrusted(from, 'it does not hold the event itself');
  if (!verifyInclusion({ hash: hashLeaf(proof.entry), index: proof.index }, checkpoint, proof.hashes))
    throw untrusted(from, `the event is not number ${proof.index + 1} in the tree that was signed`);
  const event = parseLeaf(Buffer.from(proof.entry).toString(), from);
  if (event.seq !== proof.index + 1) throw untrusted(from, `the entry says that it is event ${event.seq}`);
  if (data !== undefined && hash('sha256', data) !== event.data)
    throw untrusted(from, 'the data beside it is not that of the event');
  return {
    seq: event.seq,
    origin: checkpoint.origin,
    size: checkpoint.size,
    signedBy: describeSigners(checkpoint),
    event,
    hasData: data !== undefined,
  };
}

function parseJsonProof(text: string, from: string): z.infer<typeof jsonProof> {
  const parsed = jsonProof.safeParse(parseJson(text));
  if (!parsed.success) throw untrusted(from, 'it is JSON without a proof');
  return parsed.data;
}

function parseLeaf(text: string, from: string): z.infer<typeof leafRecord> {
  const parsed = leafRecord.safeParse(parseJson(text));
  if (!parsed.success) throw untrusted(from, 'its entry is no event of version 1');
  return parsed.data;
}

function untrusted(from: string, problem: string): Error {
  return fail('checkpoint-untrusted', `${from}: ${problem}`, {
    hint: 'Ask for the proof again, and for the public key of the log by another way.',
  });
}
