// Renames one cluster of a running fleet and removes the other: what is shown, what is served, what its agent is told,
// and that the history gives the same.
import t from 'tap';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { ask } from './testing/storefront-request.ts';

const fleet = await DemoFleet.prepare(await throwawayFolder(t));
const up = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGINT');
  await exitOf(up.process);
});

const run = (...args: readonly string[]) => fleet.cli(...args, '--data', fleet.data);
const statusOf = (place: string): Promise<number> =>
  ask(fleet, `http://shop.${place}.storefront.example/cart`).then(
    ({ status }) => status,
    () => 0,
  );

await t.test('a renamed cluster is shown by its new name, and understood by both', async (t) => {
  fleet.edit('eu/platform-gateway.yaml', (text) =>
    text.replace('  name: shared\n', '  name: shared\n  labels: {a: b}\n'),
  );
  t.match(await run('cluster', 'rename', 'eu', 'frankfurt', '--reason', 'a better name'), {
    code: 0,
    stdout: /^eu is shown as frankfurt \(event \d+\)/,
  });
  t.match(await run('clusters'), { stdout: /^frankfurt \(eu\) +connected/m });
  t.match(await run('gateways'), { stdout: /^frankfurt\/platform\/shared /m });
  t.match(await run('gateways', '--cluster', 'eu'), { stdout: /^frankfurt\/platform\/shared /m });
  t.match(await run('events', '--cluster', 'frankfurt', '--kind', 'Cluster'), {
    stdout: /cluster-renamed .*a better name/,
  });
  t.match(await run('snapshots', 'eu/platform/shared'), { code: 0 });
  const back = await run('rollback', 'frankfurt/platform/shared', '--to', '1', '--no-wait');
  t.match(back, { code: 0 }, `a rollback past the renaming: ${back.stderr}`);
  t.match(await run('release', 'eu/platform/shared'), { code: 0 });
  t.match(await run('cluster', 'rename', 'us', 'frankfurt'), { code: 4, stderr: /stands for another cluster/ });
  t.equal(await statusOf('eu'), 200);
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/ });
});

await t.test('a removed cluster is served no more, and its agent is told', async (t) => {
  t.equal(await statusOf('us'), 200);
  t.match(await run('cluster', 'remove', 'us'), { code: 4, stderr: /us\/platform\/shared \(version \d+\)/ });
  t.equal(await statusOf('us'), 200, 'without --yes nothing is done');
  t.match(await run('cluster', 'remove', 'us', '--yes', '--reason', 'moved'), { code: 0, stdout: /us is removed/ });
  await until(
    () => statusOf('us'),
    (status) => status !== 200,
  );
  t.equal(await statusOf('eu'), 200, 'the other cluster is served as before');
  t.notMatch((await run('clusters')).stdout, /^us /m);
  t.match(await run('clusters', '--removed'), { stdout: /^us +removed/m });
  t.match(await run('events', '--cluster', 'us', '--limit', '1'), { stdout: /cluster-removed .*moved/ });
  t.match(await run('cluster', 'remove', 'nobody', '--yes'), { stderr: /there is no cluster nobody/ });
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/ });
});

await t.test('a cluster that is taken on again is served as before', async (t) => {
  t.match(await run('cluster', 'readmit', 'us'), { code: 0, stdout: /us is taken on again/ });
  await until(
    () => statusOf('us'),
    (status) => status === 200,
  );
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /identical/ });
});
