// Events are found by what they are about: every filter and any of them together, against a search that looks at every
// event; page by page in both orders, also while more is appended.
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import { hostnameMatches } from '#libs/gateway/hostname.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { type Manifest, applied, deleted } from '#libs/testing/given/change-events.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { TestWriter } from '../../projector/testing/test-writer.ts';
import { readEvents, toEventWithBodies } from './reads/events.ts';
import { type EventSearch, findEvents } from './reads/event-search.ts';

const clusters = ['eu', 'us'];
const names = ['a', 'b', 'c'];
const hosts = ['shop.example.com', '*.example.com', 'api.example.com', 'example.org'];
const paths = ['/', '/cart', '/cart/items', '/login'];
const managers = ['ann', 'bob', 'helm'];
const gateways = ['web', 'other'];

interface Step {
  readonly cluster: string;
  readonly kind: 'HTTPRoute' | 'Gateway';
  readonly name: string;
  readonly host: string | null;
  readonly path: string;
  readonly parent: string;
  readonly manager: string;
  readonly gone: boolean;
}

const step: fc.Arbitrary<Step> = fc.record({
  cluster: fc.constantFrom(...clusters),
  kind: fc.constantFrom('HTTPRoute', 'HTTPRoute', 'HTTPRoute', 'Gateway'),
  name: fc.constantFrom(...names),
  host: fc.option(fc.constantFrom(...hosts)),
  path: fc.constantFrom(...paths),
  parent: fc.constantFrom(...gateways),
  manager: fc.constantFrom(...managers),
  gone: fc.boolean(),
});

function toManifest({ kind, name, host, path, parent }: Step): Manifest {
  const metadata = { name: kind === 'Gateway' ? parent : name, namespace: 'infra' };
  const hostnames = host === null ? {} : { hostnames: [host] };
  const rules = [{ matches: [{ path: { type: 'PathPrefix', value: path } }] }];
  const listeners = [{ name: 'http', port: 80, protocol: 'HTTP', ...(host === null ? {} : { hostname: host }) }];
  if (kind === 'Gateway') return { kind, metadata, spec: { gatewayClassName: 'fleetgate', listeners } };
  return { kind, metadata, spec: { ...hostnames, parentRefs: [{ name: parent }], rules } };
}

/** Makes event `index`; every one says something new. */
function toEvent(one: Step, index: number): ChangeEvent {
  const manifest = toManifest(one);
  const event = one.gone
    ? deleted(manifest, one.cluster, String(index))
    : applied({ ...manifest, spec: { ...specOf(manifest), turn: index } }, one.cluster, String(index));
  return { ...event, actor: { manager: one.manager, operation: 'Update' } };
}

function specOf(manifest: Manifest): Readonly<Record<string, unknown>> {
  return isRecord(manifest['spec']) ? manifest['spec'] : {};
}

interface Stored {
  readonly seq: string;
  readonly event: ChangeEvent;
  /** The specs before and after. */
  readonly specs: readonly (Readonly<Record<string, unknown>> | undefined)[];
}

async function storedEvents(writer: TestWriter): Promise<readonly Stored[]> {
  const rows = await writer.rows<{ seq: string; data: string }>('select seq, data from events order by seq');
  const held = new Map<string, Readonly<Record<string, unknown>>>();
  return rows.map(({ seq, data }) => {
    const event: ChangeEvent = JSON.parse(data);
    const key = `${event.cluster}/${event.kind}/${event.name}`;
    const before = held.get(key);
    const after = isRecord(event.object?.['spec']) ? event.object['spec'] : undefined;
    if (after === undefined) held.delete(key);
    else held.set(key, after);
    return { seq, event, specs: [before, after] };
  });
}

function isMeant({ event, specs }: Stored, search: EventSearch): boolean {
  const { cluster, kind, name, type, host, path, gateway } = search;
  const some = (holds: (spec: Readonly<Record<string, unknown>>) => boolean): boolean =>
    specs.some((spec) => spec !== undefined && holds(spec));
  const parent = gateway?.split('/');
  return (
    (cluster === undefined || cluster === event.cluster) &&
    (kind === undefined || kind === event.kind) &&
    (name === undefined || name === event.name) &&
    (type === undefined || type === event.type) &&
    (search.managers === undefined || search.managers.includes(event.actor?.manager ?? '')) &&
    (host === undefined || some((spec) => hostsOf(spec).some((one) => hostnameMatches(one, host)))) &&
    (path === undefined ||
      (event.kind === 'HTTPRoute' && some((spec) => prefixesOf(spec).some((one) => isBelow(path, one))))) &&
    (parent === undefined ||
      (parent[0] === event.cluster &&
        ((event.kind === 'Gateway' && event.name === parent[2]) ||
          some((spec) => recordsOf(spec['parentRefs']).some((ref) => ref['name'] === parent[2])))))
  );
}

function hostsOf(spec: Readonly<Record<string, unknown>>): readonly string[] {
  const { hostnames } = spec;
  const ofListeners = recordsOf(spec['listeners']).map(({ hostname }) => hostname);
  return [...(Array.isArray(hostnames) ? hostnames : []), ...ofListeners].filter((one) => typeof one === 'string');
}

function prefixesOf(spec: Readonly<Record<string, unknown>>): readonly string[] {
  const matches = recordsOf(spec['rules']).flatMap((rule) => recordsOf(rule['matches']));
  return matches.flatMap(({ path }) => (isRecord(path) && typeof path['value'] === 'string' ? [path['value']] : []));
}

function isBelow(path: string, prefix: string): boolean {
  return prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
}

const maybe = <T>(...values: readonly T[]): fc.Arbitrary<T | undefined> =>
  fc.option(fc.constantFrom(...values), { nil: undefined, freq: 2 });
const search: fc.Arbitrary<EventSearch> = fc.record({
  cluster: maybe(...clusters, 'none'),
  kind: maybe('HTTPRoute', 'Gateway', 'Service'),
  name: maybe(...names),
  type: maybe('applied', 'deleted'),
  managers: maybe(['ann'], ['bob', 'helm'], ['nobody']),
  host: maybe('shop.example.com', 'x.example.com', 'example.org', 'example.com'),
  path: maybe('/', '/cart', '/cart/items/1', '/loginx'),
  gateway: maybe('eu/infra/web', 'us/infra/other', 'eu/infra/none'),
});

void t.test('a search finds what a look at every event finds', async (t) => {
  const writer = await TestWriter.open(t);
  const postgres = openPostgres({ url: writer.url, log: testLogger() });
  t.teardown(() => postgres.close());
  const steps = fc.sample(step, { numRuns: 600, seed: 11 });
  for (let start = 0; start < steps.length; start += 20)
    await writer.append(...steps.slice(start, start + 20).map((one, index) => toEvent(one, start + index + 1)));
  const stored = await storedEvents(writer);
  t.ok(stored.length > 400);
  let some = 0;
  await fc.assert(
    fc.asyncProperty(search, fc.constantFrom('asc' as const, 'desc' as const), async (wanted, order) => {
      const expected = stored.filter((one) => isMeant(one, wanted)).map(({ seq }) => seq);
      const found: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await findEvents(postgres.db, wanted, { order, after, limit: 37 }, [16n, 64n]);
        found.push(...page);
        after = page.at(-1);
        if (page.length < 37) break;
      }
      some += expected.length > 0 ? 1 : 0;
      t.strictSame(found, order === 'asc' ? expected : expected.toReversed(), JSON.stringify(wanted));
    }),
    { numRuns: 150 },
  );
  t.ok(some > 20, 'many searches found something');
});

void t.test('bodies are the object before and after, and a page of large ones is short', async (t) => {
  const writer = await TestWriter.open(t);
  const postgres = openPostgres({ url: writer.url, log: testLogger() });
  t.teardown(() => postgres.close());
  await writer.append(
    applied(sized(1, 1), 'eu', '1'),
    deleted(sized(1, 1), 'eu', '2'),
    applied(sized(2, 1), 'eu', '3'),
  );
  for (let turn = 3; turn < 9; turn++) await writer.append(applied(sized(turn, 2_000_000), 'eu', String(turn + 1)));
  const found: unknown[] = [];
  const sizes: number[] = [];
  for (let after: string | undefined; ;) {
    const cut = { order: 'asc', after, limit: 100 } as const;
    const { rows, next } = await readEvents(postgres.db, { host: '*' }, cut, 'with bodies');
    sizes.push(rows.length);
    for (const { bodies } of rows.map(toEventWithBodies)) found.push([turnOf(bodies?.before), turnOf(bodies?.after)]);
    if (next === null) break;
    after = next;
  }
  t.strictSame(found, [
    [null, 1],
    [1, null],
    [null, 2],
    [2, 3],
    [3, 4],
    [4, 5],
    [5, 6],
    [6, 7],
    [7, 8],
  ]);
  t.strictSame(sizes, [8, 1]);
});

function turnOf(body: Readonly<Record<string, unknown>> | null | undefined): unknown {
  return isRecord(body?.['spec']) ? body['spec']['turn'] : null;
}

function sized(turn: number, bytes: number): Manifest {
  const metadata = { name: 'a', namespace: 'infra', annotations: { note: 'x'.repeat(bytes) } };
  return { kind: 'HTTPRoute', metadata, spec: { turn } };
}
