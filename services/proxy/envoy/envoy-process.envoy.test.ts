// Tests the supervision of a real Envoy: it is restarted when it ends, adopted by the next process, and replaced when
// it was started otherwise.
import { readFile } from 'node:fs/promises';
import t, { type Test } from 'tap';
import { resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import { identityOf } from '#libs/runtime/process/process-identity.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { freePort } from '#libs/testing/peers/http-peers.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { type Envoy, type EnvoyState, startEnvoy } from './envoy-process.ts';
import { type NodeFolder, openNodeFolder } from '../node-folder.ts';
import { ask } from '../testing/traffic.ts';

void t.test('start, kill -9, leave, adopt, replace, stop', async (t) => {
  const port = await freePort();
  const folder = await openNodeFolder(await throwawayFolder(t));
  const first = await start(t, folder, port, 'one');
  await eventually(() => first.envoy.state === 'live');
  t.equal(await ask(port, 'x'), '200 one');
  const { pid } = first.envoy;

  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  await eventually(() => first.states.length === 3);
  t.same(first.states, ['live', 'down', 'live']);
  t.equal(first.envoy.exits, 1);
  t.equal(await ask(port, 'x'), '200 one', 'restarted');

  first.envoy.leave();
  const left = first.envoy.pid;
  t.match(JSON.parse(await readFile(folder.envoyRecord, 'utf8')), { pid: left });
  const second = await start(t, folder, port, 'one');
  await eventually(() => second.envoy.state === 'live');
  t.equal(second.envoy.pid, left, 'adopted');

  if (left !== undefined) process.kill(left, 'SIGKILL');
  await eventually(() => second.states.length === 3);
  t.not(second.envoy.pid, left, 'an adopted one is restarted too');
  second.envoy.leave();
  const third = await start(t, folder, port, 'two');
  await eventually(() => third.envoy.state === 'live');
  t.not(third.envoy.pid, second.envoy.pid);
  t.equal(await ask(port, 'x'), '200 two', 'with other settings it is replaced');

  const last = third.envoy.pid ?? 0;
  await third.envoy.stop();
  t.equal(await identityOf(last), undefined, 'stopped');
  t.match(await ask(port, 'x'), /ECONNREFUSED/);
});

async function start(
  t: Test,
  folder: NodeFolder,
  port: number,
  body: string,
): Promise<{ readonly envoy: Envoy; readonly states: EnvoyState[] }> {
  const states: EnvoyState[] = [];
  const envoy = await startEnvoy({
    binary: await resolveBinary('envoy'),
    bootstrap: staticBootstrap(folder, port, body),
    concurrency: 1,
    drainMs: 100,
    folder,
    log: testLogger(),
    onChange: (state) => states.push(state),
  });
  t.teardown(() => envoy.stop());
  return { envoy, states };
}

function staticBootstrap(folder: NodeFolder, port: number, body: string): unknown {
  const router = { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' };
  const hcm = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'x',
    route_config: {
      virtual_hosts: [
        {
          name: 'x',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: body } } }],
        },
      ],
    },
    http_filters: [{ name: 'router', typed_config: router }],
  };
  return {
    admin: { address: { pipe: { path: folder.adminSocket, mode: 0o600 } } },
    static_resources: {
      listeners: [
        {
          name: 'x',
          address: { socket_address: { address: '127.0.0.1', port_value: port } },
          filter_chains: [{ filters: [{ name: 'hcm', typed_config: hcm }] }],
        },
      ],
    },
  };
}
