// Gives the agent objects that no API server should let through, as a source may hand them over all the same: it goes
// on, sends what the history takes, and says what it does not. FLEETGATE_SEED=… repeats a run.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { type WatchedKind, kindInfo, kinds } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Manifest } from '#libs/testing/given/change-events.ts';
import { hostileCases, hugeTexts } from '#libs/testing/given/hostile-cases.ts';
import { hostileObject, hostileTexts, templates } from '#libs/testing/given/hostile-objects.ts';
import { parseKubeObject } from '../kubernetes/resource-version.ts';
import { LiveObjects } from '../objects/live-objects.ts';
import { Mirror } from './mirror.ts';
import { Outbox } from './outbox.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);

t.comment(`FLEETGATE_SEED=${seed}`);

interface Agent {
  readonly mirror: Mirror;
  readonly sent: ChangeEvent[];
  readonly unfit: Map<string, string>;
}

function startAgent(): Agent {
  const sent: ChangeEvent[] = [];
  const unfit = new Map<string, string>();
  const outbox = new Outbox({
    publish: async (event) => void sent.push(event),
    canPublish: () => true,
    isHopeless: () => false,
    onPublished: () => undefined,
    onFailed: (_event, error) => assert.fail(String(error)),
    onOverflow: () => undefined,
  });
  const mirror = new Mirror({
    witness: null,
    cluster: { name: 'eu', uid: 'uid-of-eu' },
    outbox,
    sealer: null,
    now: () => '2026-01-01T00:00:00Z',
    live: new LiveObjects(),
    source: { reference: () => undefined, isUncertain: () => false },
    observers: [],
    onUnfit: (key, reason) => (reason === null ? unfit.delete(key) : unfit.set(key, reason)),
  });
  return { mirror, sent, unfit };
}

const strange = fc.oneof(fc.constantFrom<unknown>(null, 7, [], {}, [{}]), fc.constantFrom(...hostileTexts));
/** What an API server adds, as one might that checks nothing. */
const served = fc.record(
  {
    uid: fc.constantFrom('u', 'x'.repeat(300), 'a\0b', '../..'),
    resourceVersion: fc.constantFrom('1', 'x', '-1', '9'.repeat(400)),
    creationTimestamp: fc.constantFrom('2026-01-01T00:00:00Z', 'x', '0001-01-01T00:00:00Z'),
    managedFields: fc.oneof(
      strange,
      fc.array(fc.record({ manager: strange, operation: strange, time: strange, subresource: strange })),
    ),
    selfLink: strange,
    name: fc.constantFrom('any', 'a/b', '%2f', 'x'.repeat(300), '..'),
  },
  { requiredKeys: ['uid', 'resourceVersion', 'creationTimestamp'] },
);

const change = fc
  .constantFrom(...kinds.map(({ kind }) => kind))
  .chain((kind) => fc.tuple(fc.constant(kind), hostileObject(kind), served, strange, fc.boolean()));

void t.test('hostile objects: what is sent can be read, what cannot is named', async (t) => {
  let [sentCount, unfitCount] = [0, 0];
  const run = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20, size: 'max' }), async (changes) => {
    const { mirror, sent, unfit } = startAgent();
    for (const [kind, manifest, meta, status, goes] of changes) {
      const object = asServed(kind, manifest, meta, status);
      if (object === null) continue;
      await mirror.change({ type: 'applied', kind, object, via: 'watch' });
      const { name, namespace = '', uid, resourceVersion } = object.metadata;
      if (goes) await mirror.change({ type: 'deleted', kind, namespace, name, uid, resourceVersion, via: 'watch' });
    }
    await mirror.compare();
    for (const { kind } of kinds) mirror.listed(kind);
    await new Promise((resolve) => setImmediate(resolve));
    for (const event of sent) {
      const parsed = parseChangeEvent(JSON.parse(JSON.stringify(event)));
      assert.ok(parsed.ok, JSON.stringify(parsed).slice(0, 500));
    }
    for (const reason of unfit.values()) assert.match(reason, /\w+ \w+/);
    sentCount += sent.length;
    unfitCount += unfit.size;
  });
  await fc.assert(run, { numRuns: 150, seed });
  t.ok(sentCount > 100, `${sentCount} events`);
  t.ok(unfitCount > 100, `${unfitCount} objects that are not taken`);
});

void t.test('10 MB annotations and each kind of hostility: the agent goes on', async (t) => {
  const { mirror, sent, unfit } = startAgent();
  const meta = { uid: 'u', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const huge = kinds.flatMap(({ kind }) =>
    templates(kind).flatMap((whole) => hugeTexts(whole).map((object) => ({ kind, object }))),
  );
  for (const { kind, object: manifest } of [...hostileCases, ...huge]) {
    const object = asServed(kind, manifest, meta, undefined);
    if (object !== null) await mirror.change({ type: 'applied', kind, object, via: 'watch' });
  }
  await new Promise((resolve) => setImmediate(resolve));
  t.comment(`${hostileCases.length} cases, ${huge.length} huge; ${sent.length} sent, ${unfit.size} not taken`);
  t.ok(sent.length > hostileCases.length / 2, `${sent.length} events`);
});

function asServed(kind: WatchedKind, manifest: Manifest, meta: object, status: unknown): KubeObject | null {
  const info = kindInfo(kind);
  const given = isRecord(manifest['metadata']) ? manifest['metadata'] : {};
  const metadata = { ...given, ...meta, ...(info?.scope === 'Cluster' ? { namespace: '' } : {}) };
  const apiVersion = info === undefined || info.group === '' ? 'v1' : `${info.group}/${info.versions[0] ?? 'v1'}`;
  return parseKubeObject({ ...manifest, metadata, status }, apiVersion, manifest.kind);
}
