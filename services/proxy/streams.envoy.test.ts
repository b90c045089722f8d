// Tests a node that serves streams: TCP, UDP and TLS through the whole way from the hub, and authorities of clients,
// also from what is saved.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { generateNodeKey, seal } from '#libs/runtime/hpke.ts';
import { backendEntry, listenerEntry, ruleEntry, streamRuleEntry } from '#libs/testing/given/entries.ts';
import { freePort } from '#libs/testing/peers/http-peers.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { tlsFile, tlsListener } from '#libs/testing/peers/stream-gateway.ts';
import {
  askDatagram,
  askStream,
  openStream,
  startDatagramBackend,
  startStreamBackend,
} from '#libs/testing/peers/stream-peers.ts';
import { type NodeUnderTest, prepareNode, runNode } from './testing/node-driver.ts';
import { ask } from './testing/traffic.ts';

const gateway = 'eu/infra/gateway';

const at = (to: number) => ({ kind: 'endpoints', endpoints: [{ address: '127.0.0.1', port: to }] }) as const;
const authority = (file: string) => ({ kind: 'ca', certificates: tlsFile(file) }) as const;

void t.test('streams and their clients', async (t) => {
  const node = await prepareWithKey(t);
  const { hub, port: secure } = node;
  const plain = await freePort();
  const running = await runNode(t, node);
  const ready = async (): Promise<string> => (await ask(node.healthPort, 'localhost', '/readyz')).slice(0, 3);
  await eventually(async () => (await ready()) === '200');

  const udpListener = listenerEntry({ name: 'udp', port: plain, protocol: 'UDP' });
  const udpRule = streamRuleEntry({ kind: 'UDPRoute', hosts: ['udp'], to: { dns: 1 } });
  const datagrams = Object.fromEntries([backendEntry('dns', { protocol: 'udp' }), udpListener, udpRule]);
  t.match(await hub.answer(hub.publish(gateway, datagrams)), { type: 'applied' }, 'nothing but UDP');
  t.equal(await askDatagram(plain), 'dns hello');
  t.equal(await ready(), '200');

  const clientValidation = { mode: 'AllowValidOnly', authorities: ['ca/eu/ConfigMap/infra/clients'] } as const;
  const streams = Object.fromEntries([
    backendEntry('web'),
    backendEntry('own'),
    listenerEntry({ name: 'tcp', port: plain, protocol: 'TCP' }),
    tlsListener('through', secure, 'b.example.com'),
    tlsListener('inside', secure, 'a.example.com', ['exact'], { clientValidation }),
    streamRuleEntry({ name: 'tcp', hosts: ['tcp'] }),
    streamRuleEntry({ name: 'through', kind: 'TLSRoute', hosts: [['through', 'b.example.com']], to: { own: 1 } }),
    streamRuleEntry({ name: 'inside', kind: 'TLSRoute', hosts: [['inside', 'a.example.com']] }),
  ]);
  t.match(await hub.answer(hub.publish(gateway, streams)), { type: 'applied' });
  const client = { cert: tlsFile('client.crt'), key: tlsFile('client.key') };
  const served = async (): Promise<readonly string[]> => [
    await askDatagram(plain),
    await askStream(plain),
    await askStream(secure, { servername: 'b.example.com' }),
    await askStream(secure, { servername: 'a.example.com', ...client }),
  ];
  const all = ['dns hello', 'web hello', 'own for b.example.com hello', 'web hello'];
  t.strictSame(await served(), all);
  t.not(await askStream(secure, { servername: 'a.example.com' }), 'web hello', 'no certificate');

  const kept = await openStream(secure, { servername: 'a.example.com', ...client });
  t.equal(await kept?.say('1'), 'web 1');
  await running.stop();
  await hub.stop();
  await runNode(t, node);
  await eventually(async () => (await served()).join() === all.join());
  t.not(await askStream(secure, { servername: 'a.example.com' }), 'web hello', 'from what is saved');
  kept?.close();

  await hub.start();
  hub.discover({ 'ca/eu/ConfigMap/infra/clients': authority('other-ca.crt') });
  const other = { cert: tlsFile('other-client.crt'), key: tlsFile('other-client.key') };
  await eventually(async () => (await askStream(secure, { servername: 'a.example.com', ...other })) === 'web hello');
  t.not(
    await askStream(secure, { servername: 'a.example.com', ...client }),
    'web hello',
    'of an authority that is gone',
  );

  const http = [listenerEntry({ name: 'http', port: await freePort() }), ruleEntry()];
  t.match(await hub.answer(hub.publish(gateway, Object.fromEntries(http))), { type: 'applied' }, 'and HTTP beside');
  t.strictSame((await served()).slice(0, 3), all.slice(0, 3));
  const nothing = Object.fromEntries([...Object.keys(streams), ...Object.keys(datagrams)].map((one) => [one, null]));
  t.match(await hub.answer(hub.publish(gateway, nothing)), { type: 'applied' });
  t.equal(await openStream(plain), undefined, 'listeners are gone');
});

t.end();

/** Prepares a node that has a key, and a hub that knows the backends, what is sealed to the key, and an authority. */
async function prepareWithKey(t: Test): Promise<NodeUnderTest> {
  const [web, own, dns] = [
    await startStreamBackend(t, 'web'),
    await startStreamBackend(t, 'own', { cert: tlsFile('exact.crt'), key: tlsFile('exact.key') }),
    await startDatagramBackend(t, 'dns'),
  ];
  const node = await prepareNode(t);
  const key = generateNodeKey();
  const nodeKeyFile = join(node.data, 'node.key');
  await writeFile(nodeKeyFile, `${key.privateKey}\n`, { mode: 0o600 });
  const material = { certificate: tlsFile('exact.crt'), key: tlsFile('exact.key') };
  const plainText = new TextEncoder().encode(JSON.stringify(material));
  const sealed = await seal(key.publicKey, plainText, 'eu/infra/exact');
  node.hub.discover({
    'endpoints/eu/shop/web/80': at(web.port),
    'endpoints/eu/shop/own/80': at(own.port),
    'endpoints/eu/shop/dns/80/udp': at(dns.port),
    'tls/eu/infra/exact': { kind: 'tls', fingerprint: 'f', sealed },
    'ca/eu/ConfigMap/infra/clients': authority('client-ca.crt'),
  });
  return { ...node, flags: { ...node.flags, nodeKeyFile } };
}
