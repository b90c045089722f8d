// Writes the content of a node as text, and reads it back. A file holds the messages of the wire, one per line: what a
// hub would have to say to bring an empty node there. A snapshot without a base begins a gateway; one with a base
// changes it.
import { readFile } from 'node:fs/promises';
import { messageOf } from '#libs/runtime/errors.ts';
import type { DiscoveryMessage, Held, SnapshotMessage } from '#libs/protocol/messages.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { EntryChanges, NodeContent } from '#libs/protocol/node-session.ts';
import { messageParts } from '#libs/protocol/message-parts.ts';
import { parseHubMessage } from '#libs/protocol/parse-hub-message.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { decodeLines, encodeLine } from './checked-lines.ts';

interface ReadGeneration {
  /** Undefined where nothing can be relied on. */
  readonly content: NodeContent | undefined;
  /** What is damaged, for a person. */
  readonly problem: string | undefined;
  readonly baseBytes: number;
  /** Length of the part of the journal that is good. */
  readonly journalBytes: number;
}

interface LoadedGateway {
  readonly held: Held;
  readonly entries: Map<string, StoredEntry>;
}

interface Loaded {
  readonly gateways: Map<string, LoadedGateway>;
  readonly discovery: Map<string, { readonly hash: string; readonly item: DiscoveryItem }>;
}

const itemsPerLine = 200;
const lastLine = { type: 'end' } as const;

/** Writes a snapshot that serves now as one line. */
export function snapshotLine(held: Held, changes: EntryChanges, before: Held | null): string {
  const upserts: SnapshotMessage['upserts'][number][] = [];
  const removes: string[] = [];
  for (const [key, entry] of changes) {
    if (entry === null) removes.push(key);
    else upserts.push({ key, ...entry });
  }
  return encodeLine(snapshotMessage(held, before, upserts, removes));
}

/** Writes a discovery message as one line. */
export function discoveryLine(message: DiscoveryMessage): string {
  return encodeLine(message);
}

/** Writes everything, line by line. The content is taken at once, the lines are made when they are asked for. */
export function baseLines(content: NodeContent): Iterable<string> {
  const gateways = content.gateways.map(({ gateway, version, digest, entries }) => ({
    held: { gateway, version, digest },
    upserts: [...entries].map(([key, { hash, json }]) => ({ key, hash, json })),
  }));
  const discovery = [...content.discovery].map(([key, { hash, item }]) => ({ key, hash, item }));
  return makeLines(gateways, discovery);
}

/** Reads one generation. The base must be whole; of the journal, what comes before a damage counts. */
export async function readGeneration(basePath: string, journalPath: string): Promise<ReadGeneration> {
  const unusable = { content: undefined, baseBytes: 0, journalBytes: 0 };
  try {
    const base = await readFile(basePath);
    const lines = decodeLines(base);
    if (lines.problem !== undefined) return { ...unusable, problem: `the base is ${lines.problem}` };
    if (!isLastLine(lines.values.at(-1))) return { ...unusable, problem: 'the base has no end' };
    const loaded: Loaded = { gateways: new Map(), discovery: new Map() };
    for (const value of lines.values.slice(0, -1)) apply(loaded, value);

    const journal = decodeLines(await readFile(journalPath).catch(() => Buffer.alloc(0)));
    for (const value of journal.values) apply(loaded, value);
    const wrong = [...loaded.gateways.values()].find(({ held, entries }) => held.digest !== digestOfEntries(entries));
    if (wrong !== undefined)
      return { ...unusable, problem: `${wrong.held.gateway} does not have the digest that it should have` };
    const content = { gateways: [...loaded.gateways.values()].map(toContent), discovery: loaded.discovery };
    // A torn end is what a crash leaves: nobody was told that it is safe.
    const problem = journal.problem === 'altered' ? 'the journal is altered; what comes before counts' : undefined;
    return { content, problem, baseBytes: base.length, journalBytes: journal.goodBytes };
  } catch (error) {
    return { ...unusable, problem: messageOf(error) };
  }
}

function* makeLines(
  gateways: readonly { readonly held: Held; readonly upserts: SnapshotMessage['upserts'] }[],
  discovery: DiscoveryMessage['upserts'],
): Iterable<string> {
  for (const upserts of messageParts(discovery, itemsPerLine))
    yield encodeLine({ type: 'discovery', upserts, removes: [] });
  for (const { held, upserts } of gateways) {
    yield encodeLine(snapshotMessage(held, null, [], []));
    for (const some of messageParts(upserts, itemsPerLine)) yield encodeLine(snapshotMessage(held, held, some, []));
  }
  yield encodeLine(lastLine);
}

function apply(loaded: Loaded, value: unknown): void {
  const parsed = parseHubMessage(value);
  if ('problem' in parsed) throw new Error(parsed.problem);
  const { message } = parsed;
  if (message.type === 'discovery') {
    for (const { key, hash, item } of message.upserts) loaded.discovery.set(key, { hash, item });
    for (const key of message.removes) loaded.discovery.delete(key);
  }
  if (message.type !== 'snapshot') return;
  const { gateway, version, digest, base } = message;
  const entries = (base === null ? undefined : loaded.gateways.get(gateway)?.entries) ?? new Map<string, StoredEntry>();
  for (const { key, hash, json } of message.upserts) entries.set(key, { hash, json });
  for (const key of message.removes) entries.delete(key);
  loaded.gateways.set(gateway, { held: { gateway, version, digest }, entries });
}

function toContent({ held, entries }: LoadedGateway): NodeContent['gateways'][number] {
  return { ...held, entries };
}

function snapshotMessage(
  { gateway, version, digest }: Held,
  base: Held | null,
  upserts: SnapshotMessage['upserts'],
  removes: readonly string[],
): SnapshotMessage {
  const from = base === null ? null : { version: base.version, digest: base.digest };
  return { type: 'snapshot', gateway, version, digest, base: from, upserts, removes };
}

function digestOfEntries(entries: ReadonlyMap<string, StoredEntry>): string {
  return digestOf([...entries].map(([key, { hash }]) => [key, hash] as const));
}

function isLastLine(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === lastLine.type;
}
