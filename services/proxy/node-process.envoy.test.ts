// Tests a node as a process of its own that is killed and started again: its Envoy goes on, nothing is sent twice, no
// request fails.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Held } from '#libs/protocol/messages.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import { generateNodeKey, seal } from '#libs/runtime/hpke.ts';
import { identityOf } from '#libs/runtime/process/process-identity.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { freePort } from '#libs/testing/peers/http-peers.ts';
import { backend, endpoints, listener, route } from './testing/content.ts';
import { envoyPid, type NodeUnderTest, prepareNode, spawnNode } from './testing/node-driver.ts';
import { selfSigned } from './testing/self-signed.ts';
import { ask, startTraffic, startUpstream, takesConnections } from './testing/traffic.ts';

const gateway = 'eu/default/web';

void t.test('kill -9 of the node while requests and changes go on: no request fails', async (t) => {
  const node = await prepareServing(t);
  const { hub, port } = node;
  // Processes belong to the whole test, not to the part that starts them.
  let running = spawnNode(t, node);
  await applied(t, node, hub.publish(gateway, first(port)));
  const pid = await envoyPid(node.data);
  const traffic = startTraffic(port, 'a.example.com', ['200 one', '200 two']);

  for (let round = 0; round < 3; round++) {
    await running.end('SIGKILL');
    // Published while nobody is there, and while Envoy is without its node.
    const held = hub.publish(gateway, route('a', 'a.example.com', round % 2 === 0 ? 'two' : 'one'));
    running = spawnNode(t, node);
    await applied(t, node, held);
    t.equal(await ask(port, 'a.example.com'), round % 2 === 0 ? '200 two' : '200 one');
    t.equal(await envoyPid(node.data), pid, 'the same Envoy');
  }
  await traffic.stop();
  t.same(traffic.wrong, []);
  t.ok(traffic.count > 100, `${traffic.count} requests`);

  await t.test('an adopted Envoy that has everything is sent nothing', async (sub) => {
    await running.end('SIGKILL');
    running = spawnNode(t, node);
    await eventually(async () => (await ask(node.healthPort, 'x', '/readyz')).startsWith('200'));
    const metrics = await ask(node.healthPort, 'x', '/metrics');
    sub.notMatch(metrics, /fleetgate_node_pushed_resources_total\{[^}]*\} [1-9]/);
  });

  await t.test('100 swaps under traffic', async (sub) => {
    const traffic = startTraffic(port, 'a.example.com', ['200 one', '200 two']);
    for (let i = 0; i < 100; i++)
      await applied(sub, node, hub.publish(gateway, route('a', 'a.example.com', i % 2 === 0 ? 'one' : 'two')));
    await traffic.stop();
    sub.same(traffic.wrong, []);
    sub.ok(traffic.count > 100, `${traffic.count} requests`);
  });

  await t.test('SIGTERM ends both; the node starts from disk without a hub', async (sub) => {
    await hub.stop();
    await running.end('SIGTERM');
    sub.equal(await identityOf(pid), undefined);
    sub.equal(await takesConnections(port), false);
    running = spawnNode(t, node);
    await eventually(async () => (await ask(port, 'a.example.com')) === '200 two');
    await eventually(async () => (await ask(node.healthPort, 'x', '/readyz')).startsWith('200'));
  });

  await t.test('a damaged generation: the one before it serves', async (sub) => {
    await running.end('SIGTERM');
    await damageNewest(join(node.data, 'last-good'), '.base');
    running = spawnNode(t, node);
    await eventually(async () => /^200 (one|two)$/.test(await ask(port, 'a.example.com')));
    await hub.start();
    const held = hub.publish(gateway, route('a', 'a.example.com', 'one'));
    await applied(sub, node, held);
    sub.equal(await ask(port, 'a.example.com'), '200 one');
  });
});

void t.test('--leave-envoy: an upgrade of the process', async (t) => {
  const node = await prepareServing(t);
  const { hub, port } = node;
  const leaving = { ...node, flags: { ...node.flags, leaveEnvoy: true } };
  const running = spawnNode(t, leaving);
  await applied(t, node, hub.publish(gateway, first(port)));
  const pid = await envoyPid(node.data);
  const traffic = startTraffic(port, 'a.example.com', ['200 one']);
  await running.end('SIGTERM');
  t.ok(await identityOf(pid));
  spawnNode(t, leaving);
  await eventually(async () => (await ask(node.healthPort, 'x', '/readyz')).startsWith('200'));
  t.equal(await envoyPid(node.data), pid);
  await traffic.stop();
  t.same(traffic.wrong, []);
});

void t.test('HTTPS: the certificate is opened, changes without a version, and is nowhere on disk', async (t) => {
  const key = generateNodeKey();
  const node = await prepareServing(t);
  const keyFile = join(node.data, 'node.key');
  await writeFile(keyFile, `${key.privateKey}\n`, { mode: 0o600 });
  const { hub } = node;
  const secret = 'tls/eu/default/web';
  const certificates = [selfSigned('a.example.com'), selfSigned('a.example.com')];
  const sealedItem = async (index: number): Promise<DiscoveryItem> => {
    const { certificate = '', key: privateKey = '' } = certificates[index] ?? {};
    const material = new TextEncoder().encode(JSON.stringify({ certificate, key: privateKey }));
    return {
      kind: 'tls',
      fingerprint: String(index),
      sealed: await seal(key.publicKey, material, 'eu/default/web'),
    };
  };
  const port = await freePort();
  const https = listener(port, { name: 'https', protocol: 'HTTPS', hostname: 'a.example.com', certificates: [secret] });
  const hosts = [{ listener: 'https', hostname: 'a.example.com' }];
  const withKey = { ...node, flags: { ...node.flags, nodeKeyFile: keyFile, drain: '10s' } };
  const running = spawnNode(t, withKey);
  await applied(
    t,
    node,
    hub.publish(gateway, { ...https, ...backend('one'), ...route('a', 'a.example.com', 'one', { hosts }) }),
  );
  t.equal((await askTls(port)).body, '', 'without its certificate a hostname is closed');
  hub.discover({ [secret]: await sealedItem(0) });
  await eventually(async () => (await askTls(port)).body === '200 one');
  t.equal((await askTls(port)).certificate, certificates[0]?.fingerprint);

  hub.discover({ [secret]: await sealedItem(1) });
  await eventually(async () => (await askTls(port)).certificate === certificates[1]?.fingerprint);

  await t.test('SIGTERM lets requests end that are under way', async (sub) => {
    const slow = await startUpstream('slow', 300);
    sub.teardown(() => slow.stop());
    hub.discover(endpoints('slow', [slow.port]));
    const more = { ...listener(node.port), ...backend('slow'), ...route('s', 's.example.com', 'slow') };
    await applied(sub, node, hub.publish(gateway, more));
    const asked = Array.from({ length: 5 }, () => ask(node.port, 's.example.com'));
    await eventually(() => slow.asked() === 5);
    await running.end('SIGTERM');
    sub.same(
      await Promise.all(asked),
      Array.from({ length: 5 }, () => '200 slow'),
    );
  });

  await hub.stop();
  spawnNode(t, withKey);
  await eventually(async () => (await askTls(port)).certificate === certificates[1]?.fingerprint);
  for (const text of await allText(node.data)) t.notMatch(text, /PRIVATE KEY/);
});

async function prepareServing(t: Test): Promise<NodeUnderTest> {
  const [one, two] = await Promise.all([startUpstream('one'), startUpstream('two')]);
  t.teardown(() => Promise.all([one.stop(), two.stop()]));
  const node = await prepareNode(t);
  node.hub.discover({ ...endpoints('one', [one.port]), ...endpoints('two', [two.port]) });
  return node;
}

function first(port: number): Parameters<NodeUnderTest['hub']['publish']>[1] {
  return { ...listener(port), ...backend('one'), ...backend('two'), ...route('a', 'a.example.com', 'one') };
}

async function applied(t: Test, { hub }: NodeUnderTest, held: Held): Promise<void> {
  const message = await hub.answer(held);
  if (message.type !== 'applied') t.fail(`version ${held.version}: ${JSON.stringify(message)}`);
}

async function damageNewest(folder: string, suffix: string): Promise<void> {
  const name = (await readdir(folder))
    .filter((file) => /^\d/.test(file) && file.endsWith(suffix))
    .toSorted()
    .at(-1);
  const path = join(folder, name ?? '');
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
  await writeFile(path, bytes);
}

async function allText(folder: string): Promise<readonly string[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
  );
}

/** One request over TLS, and the SHA-256 of the certificate that answered; empty texts when nothing did. */
function askTls(port: number): Promise<{ readonly body: string; readonly certificate: string }> {
  return new Promise((resolve) => {
    const options = {
      host: '127.0.0.1',
      port,
      servername: 'a.example.com',
      headers: { host: 'a.example.com' },
      rejectUnauthorized: false,
      agent: false as const,
    };
    const call = request(options, (response) => {
      const { socket } = response;
      const certificate =
        'getPeerCertificate' in socket && typeof socket.getPeerCertificate === 'function'
          ? String(socket.getPeerCertificate().fingerprint256)
          : '';
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ body: `${response.statusCode} ${body}`, certificate }));
    });
    call.on('error', () => resolve({ body: '', certificate: '' }));
    call.end();
  });
}
