// Entries in, resources out: testdata/<case>.in.yaml → <case>.out.json. A real Envoy says whether it takes each of
// them.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import {
  backendEntry,
  listenerEntry,
  ruleEntry,
  type RuleOptions,
  streamRuleEntry,
  type StreamRuleOptions,
} from '#libs/testing/given/entries.ts';
import { golden } from '#libs/testing/golden.ts';
import { validateBootstrap } from '#libs/testing/peers/throwaway-envoy.ts';
import type { BackendEntry, Entry, ListenerEntry } from '#libs/snapshot/entry.ts';
import type { XdsEndpoint } from '#libs/xds/envoy/backend.ts';
import { type XdsDiscovery, XdsCompiler, type XdsOptions } from './compiler.ts';
import { encodeResource } from '#libs/xds/encode/encode.ts';
import type { ProtoMessage, ProtoValue, XdsTables } from '#libs/xds/envoy/resources.ts';
import { safeRetries } from '#libs/xds/envoy/retry.ts';

type Keyed = readonly [string, Entry];

/** What a case file holds. */
interface Case {
  /** `systemAuthorities` = the name of a certificate in testdata/tls. */
  readonly options?: Partial<XdsOptions>;
  readonly gateways: Readonly<
    Record<
      string,
      readonly {
        readonly listener?: Partial<ListenerEntry>;
        readonly backend?: Partial<BackendEntry> & { readonly service: string };
        readonly rule?: RuleOptions;
        readonly stream?: StreamRuleOptions;
      }[]
    >
  >;
  /** Endpoints, or the name of a certificate in testdata/tls; by key `ca/…`, of the certificate of an authority. */
  readonly discovery?: Readonly<Record<string, readonly XdsEndpoint[] | string>>;
}

const folder = new URL('testdata/', import.meta.url);
const names = readdirSync(folder).flatMap((file) =>
  file.endsWith('.in.yaml') ? [file.slice(0, -'.in.yaml'.length)] : [],
);

for (const name of names) {
  void t.test(name, async (t) => {
    const input: Case = parse(readFileSync(new URL(`${name}.in.yaml`, folder), 'utf8'));
    const compiler = compile(input, (list) => list);
    const tables = compiler.tables();
    golden(t, new URL(`${name}.out.json`, folder), print(compiler));
    t.equal(print(compile(input, (list) => [...list].toReversed())), print(compiler), 'whatever the order');
    t.equal(await validateBootstrap(staticBootstrap(tables)), '', 'Envoy takes it');
    for (const table of Object.values(tables))
      for (const resource of table.values()) t.ok(encodeResource(resource).length > 0);
  });
}

function compile(input: Case, order: <T>(list: readonly T[]) => readonly T[]): XdsCompiler {
  const { systemAuthorities: system } = input.options ?? {};
  const compiler = new XdsCompiler({
    bindAddress: '127.0.0.1',
    portOffset: 0,
    ...input.options,
    ...(system === undefined ? {} : { systemAuthorities: readTls(`${system}.crt`) }),
  });
  for (const [gateway, parts] of order(Object.entries(input.gateways))) {
    const entries = parts.flatMap(({ listener, backend, rule, stream }): Keyed[] => [
      ...(listener === undefined ? [] : [listenerEntry(listener)]),
      ...(backend === undefined ? [] : [backendEntry(backend.service, backend)]),
      ...(rule === undefined ? [] : [ruleEntry(rule)]),
      ...(stream === undefined ? [] : [streamRuleEntry(stream)]),
    ]);
    compiler.setSnapshot(gateway, order(entries), []);
  }
  for (const [key, value] of order(Object.entries(input.discovery ?? {})))
    compiler.setDiscovery([{ key, item: toItem(key, value) }], []);
  compiler.flush();
  return compiler;
}

function toItem(key: string, value: readonly XdsEndpoint[] | string): XdsDiscovery {
  if (typeof value !== 'string') return { kind: 'endpoints', endpoints: value };
  if (key.startsWith('ca/')) return { kind: 'ca', certificates: readTls(`${value}.crt`) };
  return { kind: 'tls', certificate: readTls(`${value}.crt`), key: readTls(`${value}.key`) };
}

function readTls(file: string): string {
  return readFileSync(new URL(`tls/${file}`, folder), 'utf8');
}

/** Tables in order of names, one line for what fits on it; what is long and always the same is cut. */
function print(compiler: XdsCompiler): string {
  const tables = Object.entries(compiler.tables()).map(([type, table]): [string, object] => [
    type,
    [...table.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ message }) => message),
  ]);
  const all = JSON.stringify({ ...Object.fromEntries(tables), problems: compiler.problems() }, shorten);
  return `${layOut(JSON.parse(all), '')}\n`;
}

function shorten(key: string, value: unknown): unknown {
  if (key === 'retry_policy' && value === safeRetries) return '…';
  return key === 'inline_string' && typeof value === 'string' ? `${value.trim().slice(0, 30)}…` : value;
}

/** JSON as the formatter leaves it; `taken` = columns of the line before and after the value. */
function layOut(value: ProtoValue, indent: string, taken = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const line = oneLine(value);
  if (!mustBreak(value) && taken + line.length <= 120) return line;
  const inner = `${indent}  `;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  const parts = Array.isArray(value)
    ? value.map((item) => layOut(item, inner, inner.length + 1))
    : Object.entries(value).map(([key, field]) => {
        const name = `${JSON.stringify(key)}: `;
        return `${name}${layOut(field ?? null, inner, inner.length + name.length + 1)}`;
      });
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}

function oneLine(value: ProtoValue): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${oneLine(field ?? null)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}

/** Lists of objects with several fields each are never on one line. */
function mustBreak(value: ProtoValue | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const parts = Object.values(value);
  const isList = Array.isArray(value) && parts.length > 1;
  return (isList && parts.every((part) => sizeOf(part) > 1)) || parts.some(mustBreak);
}

function sizeOf(value: unknown): number {
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

/** The tables as a bootstrap: scopes in their connection managers, endpoints in their clusters, secrets by name. */
function staticBootstrap(tables: XdsTables): ProtoMessage {
  const scopes = [...tables.scope.values()].map(({ message }) => message);
  const replace = (value: ProtoValue): ProtoValue => {
    if (Array.isArray(value)) return value.map(replace);
    if (typeof value !== 'object' || value === null) return value;
    const {
      sds_config: _,
      scoped_rds: scoped,
      ...rest
    } = Object.fromEntries(Object.entries(value).map(([key, field]) => [key, replace(field ?? null)]));
    if (scoped === undefined) return rest;
    return { ...rest, scoped_route_configurations_list: { scoped_route_configurations: scopes } };
  };
  const clusters = [...tables.cluster.values()].map(({ message, name }) => {
    const { eds_cluster_config: eds, ...rest } = message;
    const service = typeof eds === 'object' && eds !== null && 'service_name' in eds ? eds['service_name'] : name;
    const endpoints = typeof service === 'string' ? tables.endpoints.get(service)?.message : undefined;
    return {
      ...Object.fromEntries(Object.entries(rest).map(([key, field]) => [key, replace(field ?? null)])),
      type: 'STATIC',
      load_assignment: { ...endpoints, cluster_name: name },
    };
  });
  return {
    static_resources: {
      clusters,
      listeners: [...tables.listener.values()].map(({ message }) => replace(message)),
      secrets: [...tables.secret.values()].map(({ message }) => message),
    },
  };
}
