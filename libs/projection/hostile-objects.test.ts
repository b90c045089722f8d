// Folds objects that no API server should let through, of every watched kind: that never throws, harms nobody else, and
// what is wrong is said where its owner looks. FLEETGATE_SEED=… repeats a run.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { isNestedDeeper } from '#libs/gateway/nesting.ts';
import { Projection } from './projection.ts';
import { applied, deleted } from '#libs/testing/given/change-events.ts';
import { anyHostileObject, missingTemplates } from '#libs/testing/given/hostile-objects.ts';
import { hostileTeam, isOfVictims, isSlice, victims } from '#libs/testing/given/two-teams.ts';
import { statusFaults } from '#libs/testing/status-rules.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);
const node = { node: 'n1', connected: true, serves: ['*/*/*'], addresses: ['10.0.0.9'], applied: [], rejected: [] };
const seen = '2026-01-01T00:00:00Z';
const gateways = ['eu/infra/private', 'eu/infra/shared'];

t.comment(`FLEETGATE_SEED=${seed}`);

void t.test('every watched kind has a row in the generator', async (t) => {
  t.same(missingTemplates, []);
});

void t.test('hostile objects leave other teams as they are', async (t) => {
  const alone = fold([victims()]);
  const expected = victimsOf(alone);
  t.ok(expected.entries.length > 8, `${expected.entries.length} entries`);
  let taken = 0;
  const batches = fc.array(fc.tuple(anyHostileObject, fc.boolean()), { minLength: 1, maxLength: 25, size: 'max' });
  fc.assert(
    fc.property(batches, (hostile) => {
      const sendable = hostile.filter(([object]) => !isNestedDeeper(object));
      const came = sendable.flatMap(([object]) => arriving(applied(object)));
      const gone = sendable.flatMap(([object, leaves]) => (leaves ? arriving(deleted(object)) : []));
      taken += came.length;
      const first = fold([[...hostileTeam(), ...came], victims()]);
      assert.deepStrictEqual(victimsOf(first), expected, 'objects that were there before');
      const later = fold([victims(), [...hostileTeam(), ...came]]);
      assert.deepStrictEqual(victimsOf(later), expected, 'objects that came later');
      apply(later, gone);
      assert.deepStrictEqual(victimsOf(later), expected, 'objects that went');
      for (const status of statusesOf(first)) assert.deepStrictEqual(statusFaults(status), [], nameOf(status));
    }),
    { numRuns: 60, seed },
  );
  t.ok(taken > 200, `${taken} objects`);
});

function fold(batches: readonly (readonly ChangeEvent[])[]): Projection {
  const projection = new Projection();
  projection.setNodes([node]);
  for (const batch of batches) apply(projection, batch);
  return projection;
}

function apply(projection: Projection, events: readonly ChangeEvent[]): void {
  const history = events.filter((event) => !isSlice(event)).map((event, index) => ({ seq: BigInt(index), event }));
  projection.apply({ events: history, slices: events.filter(isSlice), sealed: [] }, () => {
    throw new Error('no rollback here');
  });
}

/** The event as it comes out of the stream, where it comes through. */
function arriving(event: ChangeEvent): readonly ChangeEvent[] {
  const parsed = parseChangeEvent(JSON.parse(JSON.stringify({ ...event, at: seen, seenAt: seen })));
  return parsed.ok ? [parsed.value] : [];
}

/** What the other team has: everything of its own gateway, and what is its own on the one that it shares. */
function victimsOf(projection: Projection): {
  readonly entries: readonly string[];
  readonly statuses: readonly string[];
} {
  const entries = gateways.flatMap((gateway) =>
    [...(projection.content(gateway)?.entries ?? [])]
      .filter(([key]) => gateway.endsWith('private') || isOfVictims(key))
      .map(([key, hash]) => `${gateway} ${key} ${hash}`),
  );
  const statuses = statusesOf(projection).filter(({ namespace }) => namespace === 'infra');
  return { entries: entries.toSorted(), statuses: statuses.map(withoutCounts) };
}

function statusesOf(projection: Projection): readonly DesiredStatus[] {
  return projection.statuses('eu', undefined, 10_000).items;
}

/** How many of another team attach is no harm. */
function withoutCounts(status: DesiredStatus): string {
  return canonicalJson(status).replaceAll(/"attached(Routes|ListenerSets)":\d+/gu, '"$1":0');
}

function nameOf({ kind, namespace, name }: DesiredStatus): string {
  return `${kind} ${namespace}/${name}`;
}
