// Attacks a real history as whoever owns the database can, and tests that each attack is found and the first bad event
// named: with the signed checkpoint alone, and exactly with what was published.
import { createHash } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { type LoggedRow, loggedColumns, toLoggedEvent } from '#libs/runtime/postgres/logged-events.ts';
import { emptyFrontier, extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { appendRoutes, newFolder, publishAnew } from '../testing/published.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { verifyOptions } from './options.ts';
import { type AuditReport, failureOf, verifyAudit } from './verifying.ts';

interface Attack {
  readonly name: string;
  readonly sql: readonly string[];
  /** Whether the attacker makes leaves, tiles, size and root anew, so that the database agrees with itself. */
  readonly forges?: true;
  /** What the first fault says, with the checkpoint alone, and with what was published. */
  readonly says: RegExp;
  readonly saysExactly?: RegExp;
}

const change = (column: string, value: string, says: RegExp): Attack => ({
  name: `another ${column}`,
  sql: [`update events set ${column} = ${value} where seq = 42`],
  says: /^event 42 was changed: its row does not give the leaf/,
  saysExactly: says,
});

const swap = (columns: string): string =>
  `update events a set (${columns}) = (select ${columns} from events b where b.seq = 82 - a.seq) where seq in (40, 42)`;
const contents = 'type, cluster, kind, namespace, name, uid, manager, operation, at, recorded_at, data';
const renumber = (shift: number, where: string): string =>
  `update events set seq = -(seq + ${shift}), batch = batch + ${shift} where ${where}`;
const upright = 'update events set seq = -seq where seq < 0';

const attacks: readonly Attack[] = [
  {
    name: 'one byte of data',
    sql: [`update events set data = overlay(data placing 'X' from 12 for 1) where seq = 42`],
    says: /^event 42 was changed: its row does not give the leaf/,
    saysExactly: /^event 42 was changed: data was "[0-9a-f]{64}" and is "[0-9a-f]{64}"$/,
  },
  change('type', `'deleted'`, /type was "applied" and is "deleted"$/),
  change('cluster', `'us'`, /cluster was "eu" and is "us"$/),
  change('kind', `'GRPCRoute'`, /kind was "HTTPRoute" and is "GRPCRoute"$/),
  change('namespace', `'shoq'`, /namespace was "shop" and is "shoq"$/),
  change('name', `'other'`, /name was "r\d+" and is "other"$/),
  change('uid', `'u'`, /uid was ".+" and is "u"$/),
  change('manager', `null`, /manager was ".+" and is null$/),
  change('operation', `'Apply'`, /operation was ".+" and is "Apply"$/),
  change('id', `id || 'x'`, /id was ".+" and is ".+x"$/),
  change('batch', 'batch + 1', /batch was \d+ and is \d+$/),
  change('at', `at + interval '1 microsecond'`, /at was ".+\.\d{3}Z" and is ".+\.\d{6}Z"$/),
  change('at', `'infinity'`, /at was ".+" and is "\d+"$/),
  change('recorded_at', `recorded_at - interval '1 day'`, /recordedAt was ".+" and is ".+"$/),
  { name: 'a removed row', sql: ['delete from events where seq = 42'], says: /^event 42 is missing: it was removed$/ },
  {
    name: 'a removed row whose gap is closed',
    sql: ['delete from events where seq = 42', renumber(-1, 'seq > 42'), upright],
    says: /^event 42 holds what was event 43/,
  },
  {
    name: 'an inserted row',
    sql: [
      renumber(1, 'seq > 41'),
      upright,
      `insert into events (seq, batch, id, ${contents}, leaf)
         select 42, batch, 'new', ${contents}, leaf from events where seq = 41`,
    ],
    says: /^event 42 (was inserted: what was event 42 is event 43 now|holds what was event 41)/,
  },
  {
    name: 'a row before the first',
    sql: [
      `insert into events (seq, batch, id, ${contents}, leaf)
             select 0, batch, 'new', ${contents}, leaf from events where seq = 41`,
    ],
    says: /^event 0 was inserted: events are numbered from 1$/,
  },
  {
    name: 'two rows exchanged whole',
    sql: [
      'update events set seq = seq - 100000 where seq in (40, 42)',
      'update events set seq = -99918 - seq + 0 where seq < 0',
    ],
    says: /^event 40 was exchanged with event 42$/,
  },
  {
    name: 'the contents of two rows exchanged',
    sql: [swap(contents)],
    says: /^event 40 was changed: /,
  },
  {
    name: 'the tail cut off',
    sql: ['delete from events where seq > 290'],
    says: /^events 291 to 303 are missing at the end: 303 events were signed$/,
  },
  {
    name: 'everything deleted',
    sql: ['delete from events', 'delete from log_tiles'],
    says: /^events 1 to 303 are missing at the end/,
  },
  {
    name: 'a leaf',
    sql: [`update events set leaf = sha256('x') where seq = 42`],
    says: /^event 42 was changed/,
    saysExactly: /^event 42 is what was published, and the leaf stored beside it is not its own$/,
  },
  {
    name: 'a row with its leaf',
    sql: [`update events set name = 'other' where seq = 42`, 'LEAVES'],
    says: /^event 42 is not what the tile of the log has, and its leaf was changed with it$/,
    saysExactly: /^event 42 was changed: name was "r\d+" and is "other"$/,
  },
  {
    name: 'row, leaf, tiles and root, all of them',
    sql: [`update events set name = 'other' where seq = 42`],
    forges: true,
    says: /^an event of 1 to 303 is not what was signed, and the database agrees with itself/,
    saysExactly: /^event 42 was changed: name was "r\d+" and is "other"$/,
  },
  {
    name: 'all of them, with a removed row',
    sql: ['delete from events where seq = 42', renumber(-1, 'seq > 42'), upright],
    forges: true,
    says: /^an event of 1 to 303 is not what was signed/,
    saysExactly: /^event 42 holds what was event 43: event 42 was removed/,
  },
  {
    name: 'all of them, with two rows exchanged',
    sql: [
      'update events set seq = seq - 100000 where seq in (40, 42)',
      'update events set seq = -99918 - seq + 0 where seq < 0',
    ],
    forges: true,
    says: /^an event of 1 to 303 is not what was signed/,
    saysExactly: /^event 40 was exchanged with event 42$/,
  },
];

void t.test('every attack is found, and the first bad event is named', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  await appendRoutes(db, 300);
  const { folder, vkey } = await publishAnew(t, db);
  await db.append(shop.route('later', 1));
  await db.rows('create schema kept');
  for (const table of ['events', 'log_tiles', 'projector', 'private_texts'])
    await db.rows(`create table kept.${table} as table ${table}`);
  const signed = { checkpoint: [join(folder, 'checkpoint')], key: [vkey] };
  t.equal(failureOf(await verify(db, signed)), undefined);
  t.equal(failureOf(await verify(db, { tiles: folder, key: [vkey] })), undefined);
  for (const { name, sql, forges, says, saysExactly } of attacks) {
    for (const statement of sql) {
      if (statement === 'LEAVES') await forgeLeaves(db);
      else await db.tamper(statement);
    }
    if (forges) await forgeLog(db);
    const plain = await verify(db, signed);
    t.match(plain.faults[0]?.text, says, `${name}: by the checkpoint`);
    t.match(failureOf(plain), { code: 'history-altered' });
    const exact = await verify(db, { tiles: folder, key: [vkey] });
    t.match(exact.faults[0]?.text, saysExactly ?? says, `${name}: by what was published`);
    t.equal(exact.checkpoints[0]?.holds, name === 'a row before the first' || name === 'a leaf', name);
    for (const table of ['events', 'log_tiles', 'projector', 'private_texts']) {
      await db.tamper(`delete from ${table}`);
      await db.tamper(`insert into ${table} select * from kept.${table}`);
    }
  }
  t.equal(failureOf(await verify(db, { tiles: folder, ...signed })), undefined, 'restored, everything holds again');
});

void t.test('older checkpoints narrow down what the database hides, and newer events are no fault', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  const { folder, vkey, publisher } = await publishAnew(t, db);
  const older = join(newFolder(t), 'older');
  copyFileSync(join(folder, 'checkpoint'), older);
  await appendRoutes(db, 300);
  await publisher.publish(db.client);
  await appendRoutes(db, 100, 500);
  const checkpoint = [join(folder, 'checkpoint'), older];
  const whole = await verify(db, { checkpoint, key: [vkey] });
  t.match(whole, { events: 403, faultCount: 0 });
  t.match(whole.checkpoints, [
    { size: 3, holds: true },
    { size: 303, holds: true },
  ]);
  await db.tamper(`update events set name = 'other' where seq = 200`);
  await forgeLog(db);
  const forged = await verify(db, { checkpoint, key: [vkey] });
  t.match(forged.faults, [{ text: /^an event of 4 to 303 is not what was signed/ }]);
  await db.tamper(`update events set name = 'r196' where seq = 200`);
  await db.tamper(`update events set name = 'other' where seq = 400`);
  await forgeLog(db);
  t.equal(
    failureOf(await verify(db, { checkpoint, key: [vkey] })),
    undefined,
    'after the last checkpoint nothing holds',
  );
});

void t.test('texts about people, snapshots and the database itself are checked too', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await db.append(shop.route('a', 2));
  await db.decide(shop.command({ type: 'rollback', to: null }));
  const { folder, vkey } = await publishAnew(t, db);
  const flags = { tiles: folder, key: [vkey] };
  t.match(await verify(db, flags), { snapshots: { versions: 3, differenceCount: 0 } });
  await db.tamper(`update snapshots set digest = 'y' where version = 1`);
  const differs = await verify(db, flags);
  t.match(failureOf(differs), { code: 'snapshots-differ', message: /version 1 of eu.infra.web is stored as y/ });
  t.equal(failureOf(await verify(db, { ...flags, eventsOnly: true })), undefined);
  await db.tamper(`update private_texts set text = 'eve' where text = 'ann'`);
  t.match(failureOf(await verify(db, flags)), { code: 'history-altered', message: /the text of private:\w{64} is/ });
  await db.tamper(`update private_texts set text = 'ann' where text = 'eve'`);
  await db.tamper('delete from private_texts');
  t.equal(failureOf(await verify(db, { ...flags, eventsOnly: true })), undefined, 'an erased person breaks no proof');
  await db.tamper(`update projector set log_root = sha256('x')`);
  t.match(failureOf(await verify(db, flags)), { message: /the root that the database keeps is not that of its/ });
  await db.tamper('update projector set log_size = 3');
  t.match(failureOf(await verify(db, {})), { message: /the database counts 3 events, and has 6/ });
});

void t.test('what cannot be trusted is no evidence', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  const { folder, vkey } = await publishAnew(t, db);
  const other = await publishAnew(t, db);
  const checkpoint = [join(folder, 'checkpoint')];
  await t.rejects(verify(db, { checkpoint }), { code: 'config', message: /--key is required/ });
  await t.rejects(verify(db, { checkpoint, key: [other.vkey] }), { code: 'checkpoint-untrusted' });
  await t.rejects(verify(db, { checkpoint, key: ['x'] }), { code: 'config', message: /no public key of a log/ });
  const keyFile = join(newFolder(t), 'keys');
  writeFileSync(keyFile, `# two logs\n${other.vkey}\n${vkey}\n`);
  t.equal(failureOf(await verify(db, { checkpoint, key: [keyFile] })), undefined);
  writeFileSync(join(folder, 'tile/0/000.p/3'), createHash('sha256').digest());
  await t.rejects(verify(db, { tiles: folder, key: [vkey] }), {
    code: 'checkpoint-untrusted',
    message: /holds 32 bytes/,
  });
  writeFileSync(join(folder, 'tile/0/000.p/3'), Buffer.alloc(96));
  await t.rejects(verify(db, { tiles: folder, key: [vkey] }), {
    code: 'checkpoint-untrusted',
    message: /its tiles have another root than/,
  });
});

function verify(db: TestWriter, flags: Readonly<Record<string, unknown>>): Promise<AuditReport> {
  const options = readOptions(verifyOptions, { databaseUrl: db.url, ...flags }, {});
  return verifyAudit(options, () => undefined);
}

/** Makes the stored leaves those of the rows, as an attacker would. */
async function forgeLeaves(db: TestWriter): Promise<readonly Uint8Array[]> {
  const rows = await db.rows<LoggedRow>(`select ${loggedColumns} from events order by seq`);
  const leaves = rows.map((row) => hashLeaf(leafOfEvent(toLoggedEvent(row))));
  await db.tamper(
    'update events e set leaf = r.leaf from unnest($1::bigint[], $2::bytea[]) as r(seq, leaf) where e.seq = r.seq',
    rows.map(({ seq }) => seq),
    leaves,
  );
  return leaves;
}

/** Makes leaves, tiles, size and root those of the rows. */
async function forgeLog(db: TestWriter): Promise<void> {
  const leaves = await forgeLeaves(db);
  const { frontier, tiles } = extendFrontier(emptyFrontier, leaves);
  await db.tamper('delete from log_tiles');
  for (const { level, index, hashes } of tiles)
    await db.tamper('insert into log_tiles (level, index, hashes) values ($1, $2, $3)', level, index, hashes);
  await db.tamper('update projector set log_size = $1, log_root = $2', frontier.size, rootOf(frontier));
}
