// Runs the commands of the archive as an operator would, on a real Postgres.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import t from 'tap';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import * as shop from '../projector/testing/shop.ts';
import { TestWriter } from '../projector/testing/test-writer.ts';

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const db = await TestWriter.open(t);
const folder = await throwawayFolder(t);
await db.append(...shop.platform());
for (let version = 1; version <= 600; version++) await db.append(shop.route('a', version));
await wait(1100);

/** Runs a command on the database; with `archive events` there is none to name. */
function run(...args: readonly string[]): Promise<Result> {
  return new Promise((done) => {
    const env = { ...process.env, DATABASE_URL: db.url };
    execFile(process.execPath, [join(import.meta.dirname, 'bin.mjs'), ...args], { env }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

await t.test('old events and versions leave, are read, and come back', async (t) => {
  t.match(await run('archive', '--older-than', '90d', '--to', folder), { code: 0, stdout: /^no events, 0 versions/ });
  const done = await run('archive', '--older-than', '1s', '--to', folder, '--output', 'json');
  t.match(done, { code: 0 }, done.stderr);
  t.match(JSON.parse(done.stdout), { place: folder, events: { first: 1, last: 256 }, versions: 591 });

  const { stdout } = await run('archive', 'events', '--archive', folder, '--kind', 'HTTPRoute', '--bodies');
  const events = stdout.trimEnd().split('\n');
  t.equal(events.length, 253);
  t.match(JSON.parse(events[0] ?? ''), { seq: 4, name: 'a', data: /"\/v1"/ });
  t.equal((await run('archive', 'events', '--archive', folder, '--by', 'nobody')).stdout, '');
  const ofOne = await run('archive', 'events', '--archive', folder, '--object', 'eu/httproute/shop/a');
  t.match(JSON.parse(ofOne.stdout.split('\n')[0] ?? ''), { seq: 4, name: 'a' }, 'an object is named as elsewhere');
  t.match(await run('archive', 'events', '--archive', folder, '--since', 'yesterday'), { code: 2 });

  t.match(await run('rebuild', '--verify'), { code: 1, stderr: /events 1 to 256 are in the archive .*--archive/s });
  t.match(await run('rebuild', '--verify', '--archive', folder), { code: 0, stdout: /^identical/m });
  t.match(await run('audit', 'verify', '--archive', folder), { code: 0 });

  t.match(await run('archive', 'restore', 'eu/infra/web@7'), {
    code: 0,
    stdout: /^version 7 of eu\/infra\/web is back/,
  });
  t.match(await run('archive', 'restore', 'eu/infra/web@7'), { code: 3 }, 'it is there');
  t.match(await run('archive', 'restore', 'web'), { code: 2, stderr: /no version of a gateway/ });
  t.match(await run('rebuild', '--verify', '--archive', folder), { code: 0, stdout: /^identical/m });
});
