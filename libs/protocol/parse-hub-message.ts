// Reads what a hub says: JSON text becomes a message, or a reason why not. It is written by hand, because a full
// snapshot holds tens of thousands of entries. Shapes and limits are checked here; hashes and digests by the session.
import type { SealedMaterial, SealedText } from '#libs/events/change-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { DiscoveryMessage, HubMessage, SnapshotMessage } from './messages.ts';
import type { DiscoveryItem, Endpoint } from '#libs/snapshot/discovery.ts';

/** Limits on one message; its size in bytes is limited by the socket. */
export const hubMessageLimits = {
  bytesMax: 128 * 1024 * 1024,
  itemsMax: 500_000,
  nameLengthMax: 1024,
  entryLengthMax: 1024 * 1024,
  endpointsMax: 20_000,
} as const;

type ParsedHubMessage = { readonly message: HubMessage } | { readonly problem: string };

type Fields = Readonly<Record<string, unknown>>;

/** Keys that one piece of TLS material is sealed to. */
const sealedMax = 64;

class Unreadable extends Error {}

/** Parses one message of the hub, as text. Unknown types are a problem, unknown fields are not. */
export function parseHubText(text: string): ParsedHubMessage {
  try {
    return parseHubMessage(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return { problem: error.message };
    throw error;
  }
}

/** Parses one message of the hub, as JSON value. */
export function parseHubMessage(value: unknown): ParsedHubMessage {
  try {
    return { message: parseMessage(parseFields(value, 'message')) };
  } catch (error) {
    if (error instanceof Unreadable) return { problem: error.message };
    throw error;
  }
}

function parseDiscoveryItem(value: unknown): DiscoveryItem {
  const item = parseFields(value, 'item');
  if (item['kind'] === 'endpoints')
    return { kind: 'endpoints', endpoints: parseList(item, 'endpoints', hubMessageLimits.endpointsMax, parseEndpoint) };
  if (item['kind'] === 'tls')
    return { kind: 'tls', fingerprint: parseName(item, 'fingerprint'), sealed: parseSealed(item['sealed']) };
  if (item['kind'] === 'ca')
    return { kind: 'ca', certificates: parseText(item, 'certificates', hubMessageLimits.entryLengthMax) };
  throw new Unreadable('item.kind is not known');
}

function parseMessage(fields: Fields): HubMessage {
  switch (fields['type']) {
    case 'snapshot':
      return parseSnapshot(fields);
    case 'discovery':
      return parseDiscovery(fields);
    case 'pong':
      return { type: 'pong' };
    default:
      throw new Unreadable('message.type is not known');
  }
}

function parseSnapshot(fields: Fields): SnapshotMessage {
  return {
    type: 'snapshot',
    gateway: parseName(fields, 'gateway'),
    version: parseVersion(fields),
    digest: parseName(fields, 'digest'),
    base: fields['base'] === null ? null : parseBase(parseFields(fields['base'], 'base')),
    upserts: parseList(fields, 'upserts', hubMessageLimits.itemsMax, (value) => {
      const entry = parseFields(value, 'upserts');
      return {
        key: parseName(entry, 'key'),
        hash: parseName(entry, 'hash'),
        json: parseText(entry, 'json', hubMessageLimits.entryLengthMax),
      };
    }),
    removes: parseList(fields, 'removes', hubMessageLimits.itemsMax, parseKey),
  };
}

function parseBase(fields: Fields): { readonly version: number; readonly digest: string } {
  return { version: parseVersion(fields), digest: parseName(fields, 'digest') };
}

function parseDiscovery(fields: Fields): DiscoveryMessage {
  return {
    type: 'discovery',
    upserts: parseList(fields, 'upserts', hubMessageLimits.itemsMax, (value) => {
      const upsert = parseFields(value, 'upserts');
      return {
        key: parseName(upsert, 'key'),
        hash: parseName(upsert, 'hash'),
        item: parseDiscoveryItem(upsert['item']),
      };
    }),
    removes: parseList(fields, 'removes', hubMessageLimits.itemsMax, parseKey),
  };
}

function parseEndpoint(value: unknown): Endpoint {
  const fields = parseFields(value, 'endpoint');
  const port = fields['port'];
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Unreadable('endpoint.port is not a port');
  return { address: parseName(fields, 'address'), port };
}

function parseSealed(value: unknown): SealedMaterial {
  const fields = parseFields(value, 'sealed');
  const { others } = fields;
  const text = parseSealedText(fields);
  return others === undefined
    ? text
    : {
        ...text,
        others: parseList(fields, 'others', sealedMax, (each) => parseSealedText(parseFields(each, 'others'))),
      };
}

function parseSealedText(fields: Fields): SealedText {
  return {
    keyId: parseName(fields, 'keyId'),
    enc: parseName(fields, 'enc'),
    ciphertext: parseText(fields, 'ciphertext', hubMessageLimits.entryLengthMax),
  };
}

function parseFields(value: unknown, where: string): Fields {
  if (!isRecord(value)) throw new Unreadable(`${where} is not an object`);
  return value;
}

function parseList<T>(fields: Fields, name: string, lengthMax: number, parse: (value: unknown) => T): readonly T[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw new Unreadable(`${name} is not a list`);
  if (value.length > lengthMax) throw new Unreadable(`${name} has more than ${lengthMax} items`);
  return value.map(parse);
}

function parseVersion(fields: Fields): number {
  const version = fields['version'];
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1)
    throw new Unreadable('version is not a whole number from 1');
  return version;
}

function parseName(fields: Fields, name: string): string {
  return parseText(fields, name, hubMessageLimits.nameLengthMax);
}

function parseKey(value: unknown): string {
  return parseText({ key: value }, 'key', hubMessageLimits.nameLengthMax);
}

function parseText(fields: Fields, name: string, lengthMax: number): string {
  const value = fields[name];
  if (typeof value !== 'string' || value.length === 0) throw new Unreadable(`${name} is not a text`);
  if (value.length > lengthMax) throw new Unreadable(`${name} is longer than ${lengthMax}`);
  return value;
}
