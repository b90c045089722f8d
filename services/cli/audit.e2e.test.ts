// Runs `fleetgate audit …` as people do: from the key to a proof that a stranger checks with Python and OpenSSL, and
// back to a history that somebody altered. Each end has an exit code of its own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { appendRoutes } from '../projector/testing/published.ts';
import * as shop from '../projector/testing/shop.ts';
import { TestWriter } from '../projector/testing/test-writer.ts';

const main = join(import.meta.dirname, 'main.ts');
const run = promisify(execFile);
const folder = await throwawayFolder(t);
const db = await TestWriter.open(t);
const env = { ...process.env, DATABASE_URL: db.url, FLEETGATE_HOME: folder };
const keyFile = join(folder, 'log-key');
const place = join(folder, 'log');
const published = ['--log-key', keyFile, '--checkpoints', place];

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function audit(...args: readonly string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await run(process.execPath, [main, 'audit', ...args], { env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || !('stdout' in error) || !('stderr' in error)) throw error;
    return { code: Number(error.code), stdout: String(error.stdout), stderr: String(error.stderr) };
  }
}

/** Resolves when a checkpoint of so many events is published. */
function isPublished(size: number): Promise<boolean> {
  return eventually(() => readFileSync(join(place, 'checkpoint'), 'utf8').includes(`\n${size}\n`));
}

let vkey = '';

await t.test('a key is made, and the history published', async (t) => {
  const made = await audit('key', 'generate', '--name', 'fleet.example/history', '--file', keyFile, '-o', 'json');
  vkey = String(JSON.parse(made.stdout).publicKey);
  t.match(vkey, /^fleet\.example\/history\+[0-9a-f]{8}\+/);
  t.equal(statSync(keyFile).mode & 0o777, 0o600);
  t.notMatch(made.stdout + made.stderr, 'PRIVATE');
  t.match(await audit('key', 'generate', '--name', 'fleet.example/history', '--file', keyFile), { code: 1 });
  t.match(await audit('key', 'generate', '--name', 'a b', '--file', join(folder, 'x')), { code: 2 });
  await db.append(...shop.platform());
  await appendRoutes(db, 300);
  t.match(await audit('publish', ...published, '--once'), { code: 0, stdout: /^published 303 events, root \S+=\n$/ });
  t.match(await audit('publish', ...published, '--once'), { stdout: /^nothing is new: 303 events are published\n$/ });
  await db.writer.appendDeeds();
  t.match(await db.rows(`select type from events order by seq desc limit 1`), [{ type: 'log-key-generated' }]);
});

await t.test('it goes on publishing until it is stopped', async (t) => {
  const args = [main, 'audit', 'publish', ...published, '--every', '1s', '--port', '0'];
  const publishing = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => publishing.kill('SIGKILL'));
  await isPublished(304);
  await db.append(shop.route('later', 1));
  await isPublished(305);
  publishing.kill('SIGTERM');
  t.strictSame(await once(publishing, 'exit'), [0, null]);
});

await t.test('it is verified, and an event proved to a stranger', async (t) => {
  const verified = await audit('verify', '--tiles', place, '--key', vkey);
  t.match(verified, { code: 0, stdout: /^305 events, root [0-9a-f]{64}, in / });
  t.match(verified.stdout, `holds: ${place}/checkpoint of 305 events, signed by fleet.example/history+`);
  t.match(verified.stdout, 'nothing was changed, removed, inserted or exchanged');
  t.match(verified.stdout, /\d+ versions and \d+ objects follow from the events/);
  t.match(await audit('verify'), { code: 0, stdout: /no checkpoint was given/ });
  const { stdout: proof } = await audit('prove', '42', '--tiles', place, '--key', vkey);
  const proofFile = join(folder, 'event.tlog-proof');
  writeFileSync(proofFile, proof);
  const checked = await audit('check-proof', proofFile, '--key', vkey);
  t.match(checked, { code: 0, stdout: /^event 42 is in the log fleet\.example\/history of 305 events\n/ });
  const script = join(folder, 'check.py');
  const guide = readFileSync(join(import.meta.dirname, '../../docs/evidence.md'), 'utf8');
  writeFileSync(script, /```python\n(.*?)```/s.exec(guide)?.[1] ?? '');
  const stranger = await run('python3', [script, proofFile, vkey]);
  t.match(stranger.stdout, /^event 42 of 305: \{"at":.*"name":"r38".*\}$/m);
  writeFileSync(proofFile, proof.replace('index 41', 'index 40'));
  await t.rejects(run('python3', [script, proofFile, vkey]), /the event is not in this tree/);
  t.match(await audit('check-proof', proofFile, '--key', vkey), { code: 9, stderr: /not number 41 in the tree/ });
});

await t.test('what was altered ends with a code of its own', async (t) => {
  const flags = ['--tiles', place, '--key', vkey];
  await db.tamper(`update snapshots set digest = 'y' where version = 1`);
  t.match(await audit('verify', ...flags), { code: 11, stderr: /version 1: the digest should be/ });
  t.match(await audit('verify', ...flags, '--events-only'), { code: 0 });
  await db.tamper(`update events set name = 'other' where seq = 42`);
  t.match(await audit('verify', ...flags), { code: 8, stderr: /event 42 was changed: name was "r38" and is "other"/ });
  const json = await audit('verify', ...flags, '-o', 'json');
  const { faults, snapshots } = JSON.parse(json.stdout);
  t.match(faults[0], { seq: 42, text: /^event 42 was changed/ }, 'the event comes first, then what does not fit it');
  t.equal(snapshots, null);
  await db.tamper('delete from events where seq > 300');
  t.match(await audit('publish', ...published, '--once'), { code: 10, stderr: /event 305 is missing/ });
  const stranger = 'x.example/log+1fd72fc6+AUL8x5u8AVqSTuILU6BPrjUCYpEsVwTjXEjDcfeqFT5C';
  t.match(await audit('verify', '--tiles', place, '--key', stranger), { code: 2, stderr: /no public key of a log/ });
});
