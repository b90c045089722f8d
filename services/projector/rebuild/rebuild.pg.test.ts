// Tests that the history gives what is stored, whatever happened: byte for byte, after restarts, rollbacks, limits and
// releases.
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { FleetgateError } from '#libs/runtime/errors.ts';
import { runRebuild } from './rebuild.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';

const limits = { removedShareMax: 0.6, removedMin: 3, removedRoutesMin: 0 };

type Step =
  | { readonly do: 'routes'; readonly changes: readonly (readonly [route: number, what: 'apply' | 'delete'])[] }
  | { readonly do: 'gateway'; readonly what: 'delete' | 'return' | 'relabel' }
  | { readonly do: 'cluster'; readonly type: 'cluster-removed' | 'cluster-readmitted' | 'cluster-renamed' }
  | { readonly do: 'restored'; readonly skip: number; readonly above: number | null }
  | { readonly do: 'endpoints' | 'secret' | 'restart' | 'deed' }
  | {
      readonly do: 'command';
      readonly second: 'nobody' | 'waits' | 'approved' | 'rejected';
      readonly type: 'rollback' | 'release' | 'accept';
      readonly to: number | null;
    };

const routeChange = fc.tuple(fc.nat(7), fc.constantFrom('apply' as const, 'apply' as const, 'delete' as const));
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('routes' as const),
      changes: fc.array(routeChange, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('gateway' as const),
      what: fc.constantFrom('delete' as const, 'return' as const, 'relabel' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('endpoints' as const, 'secret' as const, 'restart' as const, 'deed' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cluster' as const),
      type: fc.constantFrom('cluster-removed' as const, 'cluster-readmitted' as const, 'cluster-renamed' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('restored' as const),
      skip: fc.integer({ min: 0, max: 50 }),
      above: fc.option(fc.integer({ min: 1, max: 100 }), { nil: null }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('command' as const),
      type: fc.constantFrom('rollback' as const, 'release' as const, 'accept' as const),
      to: fc.option(fc.integer({ min: 1, max: 6 }), { nil: null }),
      second: fc.constantFrom('nobody' as const, 'waits' as const, 'approved' as const, 'rejected' as const),
    }),
  },
);

void t.test('random histories verify, rebuild to the same rows, and verify again', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const teardowns: (() => unknown)[] = [];
      const db = await TestWriter.open({ teardown: (fn) => teardowns.push(fn) }, limits);
      try {
        await play(db, steps);
        await db.leadership.release();
        await runRebuild(options(db, { verify: true }), () => undefined);
        const before = await dump(db);
        await runRebuild(options(db, { verify: false }), () => undefined);
        t.strictSame(await dump(db), before);
        await runRebuild(options(db, { verify: true }), () => undefined);
      } finally {
        for (const teardown of teardowns.toReversed()) await teardown();
      }
    }),
    { numRuns: 15, seed: 20_261_121 },
  );
});

void t.test('verify names what differs', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1), shop.route('b', 1));
  await db.append(shop.route('a', 2));
  const lines: string[] = [];
  const verify = () => runRebuild(options(db, { verify: true }), (line) => lines.push(line));
  await verify();
  t.match(lines, [/^identical: 6 events, 2 versions .*, 1 gateways, 5 objects$/]);
  await db.rows(`update snapshot_changes set hash = 'x' where version = 2`);
  await db.rows(`update snapshots set digest = 'y' where version = 1`);
  await db.rows(`update gateways set serving = 1`);
  await db.rows(`delete from objects where name = 'b'`);
  await db.rows(`update entries set json = '{}' where json like '%/v1%'`);
  lines.length = 0;
  const error: unknown = await verify().catch((reason: unknown) => reason);
  t.ok(error instanceof FleetgateError && error.code === 'rebuild-differs');
  t.match(lines.join('\n'), /version 1: the digest should be \w{64}, stored is y/);
  t.match(lines.join('\n'), /version 2: the change of rule\/HTTPRoute\/shop\/a\/0 should be \w{64}/);
  t.match(lines.join('\n'), /eu\/infra\/web: serving should be 2, stored is 1/);
  t.match(lines.join('\n'), /the object eu\/HTTPRoute\/shop\/b follows from the history and is not stored/);
  t.match(lines.join('\n'), /the entry \w{64} has another content/);
  await db.leadership.release();
  await runRebuild(options(db, { verify: false }), () => undefined);
  lines.length = 0;
  await verify();
  t.match(lines, [/^identical/]);
});

void t.test('verify names events that cannot be read, and goes on; a rebuild changes nothing', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1), shop.route('b', 1));
  await db.append(shop.route('c', 1));
  // As an event without a hash was stored before what is appended was read again.
  await db.tamper(`update events set data = replace(data, '"hash":', '"was":') where name = 'b'`);
  await db.tamper(`update events set data = 'no json' where name = 'a'`);
  const lines: string[] = [];
  const error: unknown = await runRebuild(options(db, { verify: true }), (line) => lines.push(line)).catch(
    (reason: unknown) => reason,
  );
  t.match(error, { code: 'rebuild-differs' });
  t.match(lines.join('\n'), /^event 4 cannot be read: it is no JSON$/m);
  t.match(lines.join('\n'), /^event 5 cannot be read: hash/m);
  t.match(lines.join('\n'), /version 2/, 'what comes after them is compared');
  await db.leadership.release();
  const before = await dump(db);
  await t.rejects(
    runRebuild(options(db, { verify: false }), () => undefined),
    { code: 'event-unreadable' },
  );
  t.strictSame(await dump(db), before);
});

void t.test('a repair is appended, and the event is read as it was mended, or set aside', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1), shop.route('b', 1));
  await db.append(shop.route('c', 1));
  const rows = await db.rows('select seq, data from events order by seq');
  await db.tamper(`update events set data = replace(data, '"hash":', '"was":') where name = 'b'`);
  await db.tamper(`update events set data = 'no json' where name = 'a'`);
  const lines: string[] = [];
  const run = (more: object): Promise<unknown> =>
    runRebuild({ ...options(db, { verify: false }), ...more }, (line) => lines.push(line)).catch(
      (error: unknown) => error,
    );
  t.match(await run({ repair: 1 }), { code: 'event-readable' });
  t.match(await run({ repair: 4 }), { code: 'event-unreadable' }, 'no JSON cannot be mended');
  await run({ repair: 5, reason: 'from before hashes were asked for' });
  await run({ repair: 4, setAside: true });
  t.match(lines, [/^event 5 will be read with the hash of its object/, /^event 4 will be set aside/]);
  await db.rows(`delete from deeds where id not like 'event-repaired:%'`);
  await db.writer.appendDeeds();
  t.strictSame((await db.rows('select seq from events')).length, rows.length + 2, 'both are appended');
  lines.length = 0;
  await run({ verify: true });
  t.match(lines.join('\n'), /^event 5 is read as it was repaired: from before hashes were asked for$/m);
  t.match(lines.join('\n'), /^event 4 is set aside: event 4 cannot be read: it is no JSON$/m);
  t.notMatch(lines.join('\n'), /^event \d+ cannot be read/m);
  t.notMatch(lines.join('\n'), 'shop/b', 'what the mended event brought is as it was stored');
  await db.leadership.release();
  t.match(await run({}), { code: 'event-unreadable' }, 'a rebuild would give versions another meaning');
});

void t.test('a rebuild beside a projector is refused', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  await t.rejects(
    runRebuild(options(db, { verify: false }), () => undefined),
    { code: 'projector-running' },
  );
});

async function play(db: TestWriter, steps: readonly Step[]): Promise<void> {
  let version = 1;
  await db.append(...shop.platform());
  for (const one of steps) {
    version += 1;
    switch (one.do) {
      case 'routes':
        await db.append(
          ...one.changes.map(([name, what]): ChangeEvent => {
            version += 1;
            return what === 'apply'
              ? shop.route(`r${name}`, version % 5 === 0 ? 5 : version)
              : shop.routeGone(`r${name}`, version);
          }),
        );
        break;
      case 'gateway':
        if (one.what === 'relabel') await db.append(shop.gatewayLabelled(version, { tier: `t${version}` }));
        else await db.append(one.what === 'delete' ? shop.gatewayGone(version) : shop.gatewayBack(version));
        break;
      case 'endpoints':
        await db.append(shop.slice(version, `10.0.0.${version % 200}`));
        break;
      case 'secret':
        await db.append(shop.secret(version));
        break;
      case 'restart':
        await db.reopen();
        break;
      case 'deed':
        await db.rows('insert into deeds (id, data) values ($1, $2)', `deed-${version}`, deedText(`deed-${version}`));
        await db.writer.appendDeeds();
        break;
      case 'cluster':
        await db.rows(
          'insert into deeds (id, data) values ($1, $2)',
          `cluster-${version}`,
          deedText(`cluster-${version}`, { type: one.type, subject: 'eu', shown: `eu-${version}` }),
        );
        await db.writer.appendDeeds();
        break;
      case 'restored':
        await db.writer.markRestored([
          {
            ...{ v: 1, type: 'restored', id: `restored-${version}`, at: '2026-01-01T00:00:00Z', reason: 'a test' },
            skip: one.skip,
            above: one.above === null ? {} : { [shop.gateway]: one.above },
          },
        ]);
        break;
      case 'command':
        await playCommand(db, one);
        break;
    }
  }
}

/** Gives a command; where a second person is needed, that one approves it, rejects it, or lets it wait. */
async function playCommand(db: TestWriter, one: Extract<Step, { do: 'command' }>): Promise<void> {
  const fields = one.type === 'rollback' ? { type: one.type, to: one.to } : { type: one.type };
  const command = shop.command(fields, one.second === 'nobody' ? {} : { confirm: true });
  await db.decide(command);
  if (one.second === 'approved' || one.second === 'rejected')
    await db.decide(shop.decision(one.second, command.id, 'bob'));
}

function deedText(id: string, more: object = {}): string {
  const deed = { v: 1, type: 'migrated', id, at: '2026-01-01T00:00:00Z', actor: null, from: 'here', subject: '' };
  return JSON.stringify({ ...deed, reason: 'a test', ...more });
}

function options(db: TestWriter, { verify }: { readonly verify: boolean }): Parameters<typeof runRebuild>[0] {
  return { databaseUrl: db.url, verify, entriesMax: undefined, bytesMax: undefined, ...limits };
}

async function dump(db: TestWriter): Promise<unknown> {
  return {
    objects: await db.rows('select * from objects order by cluster, kind, namespace, name'),
    gateways: await db.rows(
      'select gateway, head, serving, pinned, deleted, alarm, labels from gateways order by gateway',
    ),
    snapshots: await db.rows('select * from snapshots order by gateway, version'),
    changes: await db.rows('select * from snapshot_changes order by gateway, version, key'),
    entries: await db.rows('select * from entries where hash in (select hash from snapshot_changes) order by hash'),
  };
}
