// Gives commands as operators would: while the projector hangs, two at once, on what one saw, and before and after
// Postgres is put back from a backup. Each tells the truth, and each ends in the history.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { type RunningUp, DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { pidOf } from './testing/parts.ts';
import { ask } from './testing/storefront-request.ts';

const gateway = 'eu/platform/shared';
const gatewayObject = 'eu/Gateway/platform/shared';
const versions = z.array(z.object({ version: z.number(), serving: z.boolean(), digest: z.string() }));
type Versions = z.output<typeof versions>;

const fleet = await DemoFleet.prepare(await throwawayFolder(t));
let up: RunningUp = await fleet.up();
t.teardown(stop);

async function stop(): Promise<void> {
  up.process.kill('SIGTERM');
  await exitOf(up.process);
}

async function snapshots(): Promise<Versions> {
  const { code, stdout, stderr } = await fleet.cli('snapshots', gateway, '--output', 'json');
  if (code !== 0) throw new Error(stderr);
  return versions.parse(JSON.parse(stdout));
}

async function serving(): Promise<number> {
  return (await snapshots()).find((one) => one.serving)?.version ?? 0;
}

const catalog = async (): Promise<string> => (await ask(fleet, 'http://shop.eu.storefront.example/catalog')).body;

/** Points the catalog's rules at another service, and waits until a version has it; gives its number. */
async function routeCatalogTo(service: string): Promise<number> {
  const before = (await snapshots()).reduce((best, { version }) => Math.max(best, version), 0);
  fleet.edit('eu/shop-routes.yaml', (text) => text.replaceAll(/name: catalog(-next|-none)?$/gmu, `name: ${service}`));
  const after = await until(snapshots, (list) => list.some(({ version }) => version > before));
  return after.reduce((best, { version }) => Math.max(best, version), 0);
}

function history(): ReturnType<DemoFleet['cli']> {
  return fleet.cli('history', gatewayObject);
}

await t.test('the projector hangs: --timeout holds, and the command is never carried out', async (t) => {
  const first = await serving();
  const second = await routeCatalogTo('catalog-next');
  const projector = await pidOf(fleet, 'projector');
  signalProcess(projector, 'SIGSTOP');
  const begun = performance.now();
  const rollback = await fleet.cli('rollback', gateway, '--to', String(first), '--timeout', '3');
  const tookMs = performance.now() - begun;
  signalProcess(projector, 'SIGCONT');
  t.match(rollback, { code: 7, stderr: /not decided within 3000 ms/ });
  t.ok(tookMs > 3000 && tookMs < 10_000, `${tookMs} ms, the start of the command included`);
  const { stdout } = await until(history, ({ stdout }) => stdout.includes('expired'));
  t.match(stdout, new RegExp(`rollback to ${first}, expired`));
  t.equal(await serving(), second);
  t.match(await catalog(), /^catalog-next v2/);
});

await t.test('two operators: the second rollback brings nothing back that the first went away from', async (t) => {
  const bad = await serving();
  const first = await fleet.cli('rollback', gateway, '--reason', 'too many errors');
  t.match(first, { code: 0, stdout: new RegExp(`and is pinned, in place of version ${bad}\n`) });
  t.match(await catalog(), /^catalog v1/);
  const now = await serving();
  const again = await fleet.cli('rollback', gateway);
  t.match(again, { code: 4, stderr: /is pinned already, to version \d+ with .* by .* \(too many errors\)/ });
  t.equal(await serving(), now);
  const late = await fleet.cli('rollback', gateway, '--to', String(bad), '--expect', String(bad));
  t.match(late, { code: 4, stderr: new RegExp(`serves version ${now} now .*, and not version ${bad}`) });
  const { stdout } = await fleet.cli('rollback', gateway, '--to', String(bad), '--dry-run');
  t.match(stdout, `fleetgate rollback ${gateway} --to ${bad} --expect ${now}`);
  t.equal(await serving(), now, 'a dry run changes nothing');
  const forced = await fleet.cli('rollback', gateway, '--to', String(bad), '--expect', String(bad), '--force');
  t.match(forced, { code: 0, stdout: new RegExp(`in place of version ${now}\n`) });
  t.match((await history()).stdout, new RegExp(`rollback to ${bad}, refused`));
  t.match(await fleet.cli('release', gateway), { code: 0 });
});

await t.test('who gave the commands is erased from the history, which stays what it was', async (t) => {
  t.match((await history()).stdout, /fleetgate up/);
  const dry = await fleet.cli('audit', 'erase', 'fleetgate up');
  t.match(dry, { code: 0, stdout: /^would be erased: the text in \d+ events, from then on erased-\w{8}\n.*1 token/s });
  t.match(dry.stdout, /Nothing was done/);
  t.match((await history()).stdout, /fleetgate up/);
  const erased = await until(
    () => fleet.cli('audit', 'erase', 'fleetgate up', '--yes'),
    ({ code }) => code === 0,
  );
  t.match(erased.stdout, /^erased: the text in \d+ events/);
  const { stdout } = await history();
  t.notMatch(stdout, /fleetgate up/);
  t.match(stdout, /erased-\w{8}/);
  t.match(await fleet.cli('audit', 'erase', 'nobody at all'), { code: 3, stderr: /no such text about a person/ });
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /^identical: /m });
});

await t.test('Postgres is put back from a backup: told, and no number means another content', async (t) => {
  const [data, backup] = [join(fleet.data, 'postgres', 'data'), join(fleet.folder, 'backup')];
  await stop();
  execFileSync('cp', ['-a', data, backup]);
  up = await fleet.up();
  for (const service of ['catalog', 'catalog-next', 'catalog']) await routeCatalogTo(service);
  t.match(await fleet.cli('rollback', gateway, '--timeout', '5'), { code: 0 });
  const seen = await snapshots();
  const newest = seen.reduce((best, { version }) => Math.max(best, version), 0);
  await stop();

  rmSync(data, { recursive: true });
  execFileSync('cp', ['-a', backup, data]);
  up = await fleet.up();
  const status = await until(
    () => fleet.cli('status'),
    ({ stdout }) => stdout.includes('RESTORED at'),
  );
  t.match(status.stdout, /RESTORED at .* was restored from a backup/);
  await until(catalog, (body) => body.startsWith('catalog v1'));
  t.ok((await routeCatalogTo('catalog-next')) > newest, 'above every number that was seen');
  await until(catalog, (body) => body.startsWith('catalog-next v2'));
  const digests = new Map(seen.map(({ version, digest }) => [version, digest]));
  const others = (await snapshots()).filter(({ version, digest }) => (digests.get(version) ?? digest) !== digest);
  t.same(others, []);
  t.match((await history()).stdout, /rollback to \d+, expired/);
  const verified = await fleet.cli('rebuild', '--verify');
  t.match(verified, { code: 0, stdout: /^restored at .*\n(?:.*\n)*identical: /m });
});
