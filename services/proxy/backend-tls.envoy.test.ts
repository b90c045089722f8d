// Tests TLS to backends through a node: routes lead to a cluster only when Envoy has the secrets that it needs.
import { createServer } from 'node:https';
import t from 'tap';
import { listenFor } from '#libs/testing/peers/listening.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import type { BackendEntry, Entry } from '#libs/snapshot/entry.ts';
import { backend, endpoints, listener, route } from './testing/content.ts';
import { prepareNode, runNode } from './testing/node-driver.ts';
import { ask, startTraffic } from './testing/traffic.ts';

const gateway = 'eu/default/web';

void t.test('new backends with TLS of their own, under traffic', async (t) => {
  const server = createServer({ cert: tlsFile('backend.crt'), key: tlsFile('backend.key') }, (_, response) => {
    response.end('secure');
  });
  const backendPort = await listenFor(t, server);
  const node = await prepareNode(t);
  const { hub, port } = node;
  const serve = async (index: number): Promise<void> => {
    const service = `svc-${index}`;
    const authority = `ca/eu/ConfigMap/default/ca-${index}`;
    hub.discover({
      ...endpoints(service, [backendPort]),
      [authority]: { kind: 'ca', certificates: tlsFile('backend-ca.crt') },
    });
    const gone = index === 0 ? listener(port) : { [`backend/eu/default/svc-${index - 1}/80`]: null };
    const entries = { ...secure(service, authority), ...route('a', 'a.example.com', service), ...gone };
    const held = hub.publish(gateway, entries);
    if (index === 0) await runNode(t, node);
    const answer = await hub.answer(held);
    t.equal(answer.type, 'applied', JSON.stringify(answer));
    t.equal(await ask(port, 'a.example.com'), '200 secure');
  };
  await serve(0);
  const traffic = startTraffic(port, 'a.example.com', ['200 secure']);
  for (let index = 1; index < 20; index++) await serve(index);
  await traffic.stop();
  t.same(traffic.wrong, []);
  t.ok(traffic.count > 20);
});

t.end();

function secure(service: string, authority: string): Record<string, Entry> {
  const tls: NonNullable<BackendEntry['tls']> = {
    hostname: 'abc.example.com',
    authorities: [authority],
    subjectAltNames: [],
  };
  return Object.fromEntries(Object.entries(backend(service)).map(([key, entry]) => [key, { ...entry, tls }]));
}
