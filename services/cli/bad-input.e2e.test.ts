// Holds what people get wrong: objects of every kind that no validation has seen, and a snapshot that Envoy refuses.
// Each is named where people look, everything else is served as before, and what is put right is served again.
import { cpSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { findFleet } from './client/fleet-address.ts';
import { FleetClient } from './client/fleet-client.ts';
import { readGateway, readNodes, readRoutes } from './client/fleet-reads.ts';
import { DemoFleet, exitOf, until } from './testing/demo-fleet.ts';
import { brokenHistory, differentDigests, query } from './testing/ledger.ts';
import { ProbeRoutes } from './testing/probe-routes.ts';
import { startTraffic } from './testing/steady-traffic.ts';
import { ask } from './testing/storefront-request.ts';

const gateway = 'eu/platform/shared';
const conditionsShape = z.array(
  z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }),
);
const fleet = await DemoFleet.prepare(await throwawayFolder(t));
const probes = new ProbeRoutes(fleet, 5);
const up = await fleet.up();
t.teardown(async () => {
  up.process.kill('SIGINT');
  await exitOf(up.process);
});
await probes.served();
const client = new FleetClient(await findFleet(fleet.env, fleet.data));

/** Of each kind: the object that has the condition, and what it says. */
const named = [
  ['GatewayClass', '', 'bad-class', /Accepted=False InvalidParameters spec\.parametersRef/],
  ['Gateway', 'platform', 'bad-gateway', /Accepted=False Invalid spec\.listeners: must be a list, is an object/],
  [
    'Gateway',
    'platform',
    'bad-listener',
    /Accepted=False ListenersNotValid .*spec\.listeners\[0\]\.port: must be an integer/,
  ],
  ['ListenerSet', 'platform', 'bad-set', /Accepted=False/],
  ['HTTPRoute', 'shop', 'bad-http', /Accepted=False UnsupportedValue spec\.hostnames\[0\]: must be a string/],
  ['GRPCRoute', 'shop', 'bad-grpc', /Accepted=False/],
  ['TLSRoute', 'shop', 'bad-tls', /Accepted=False/],
  ['TCPRoute', 'shop', 'bad-tcp', /Accepted=False/],
  ['UDPRoute', 'shop', 'bad-udp', /Accepted=False/],
  ['HTTPRoute', 'shop', 'of-bad-grant', /ResolvedRefs=False RefNotPermitted .*no ReferenceGrant in payments/],
  ['BackendTLSPolicy', 'shop', 'bad-policy', /Accepted=False/],
  ['HTTPRoute', 'shop', 'of-bad-policy', /ResolvedRefs=False .*shop\/bad-policy/],
  ['HTTPRoute', 'shop', 'of-bad-service', /ResolvedRefs=False BackendNotFound .*shop\/bad-service/],
  ['Gateway', 'platform', 'of-bad-secret', /ResolvedRefs=False InvalidCertificateRef Secret platform\/bad-secret/],
  ['BackendTLSPolicy', 'shop', 'of-bad-config', /Accepted=False/],
] as const;

/**
 * What `fleetgate clusters` and `fleetgate routes` say of kinds that have no status and of routes that name no parent.
 */
const told = [
  /malformed\.yaml:\d+: Namespace bad-namespace: metadata\.labels must be a map of strings/,
  /EndpointSlice shop\/bad-slice-1: ports: must be a list/,
  /shop\/bad-parents .*names no parent/,
];

await t.test('a malformed object of every kind is named, and all other routes are served', async (t) => {
  const traffic = startTraffic(t, fleet);
  cpSync(join(import.meta.dirname, 'testdata', 'malformed.yaml'), join(fleet.folder, 'eu', 'malformed.yaml'));
  for (const [kind, namespace, name, pattern] of named) {
    const said = await until(
      () => conditionsOf(kind, namespace, name),
      (text) => pattern.test(text),
    );
    t.match(said, pattern, `${kind} ${name}`);
  }
  for (const pattern of told) {
    await until(
      async () =>
        (await Promise.all([fleet.cli('clusters'), fleet.cli('routes')])).map(({ stdout }) => stdout).join(''),
      (text) => pattern.test(text),
    );
  }
  await probes.editAll();
  await probes.served();
  await traffic.goesOn(100);
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests`);
  const routes = await readRoutes(client, { cluster: 'eu' });
  const good = routes.filter(({ name }) => !name.includes('bad-'));
  t.same(
    good.filter(({ accepted, problems }) => accepted !== true || problems.length > 0),
    [],
  );
  t.match((await readGateway(client, gateway)).conditions, [{ status: 'True' }, { status: 'True' }]);
  for (const name of ['bad-service', 'bad-grant', 'bad-policy'])
    t.match(
      await ask(fleet, `http://${name}.eu.storefront.example/`),
      { status: 500 },
      `the specification wants 500 for ${name}`,
    );
});

await t.test('a snapshot that Envoy refuses: the one before serves, and everyone can see why', async (t) => {
  const traffic = startTraffic(t, fleet);
  const taken = await occupyPort(t);
  const before = await readGateway(client, gateway);
  fleet.edit(
    'eu/platform-gateway.yaml',
    (text) => `${text}\n    - { name: taken, port: ${taken - fleet.httpPort + 80}, protocol: HTTP }\n`,
  );

  const detail = await until(
    () => readGateway(client, gateway),
    ({ nodes }) => nodes.rejected > 0,
  );
  t.match(detail.nodes, { connected: 1, applied: 0, rejected: 1 });
  t.match(detail.nodeList, [
    { node: 'local', version: before.serving, current: false, rejected: { version: detail.serving } },
  ]);
  t.match(detail.nodeList[0]?.rejected?.reasons.join(), /[Aa]ddress already in use/);
  t.match(
    await until(
      () => conditionsOf('Gateway', 'platform', 'shared'),
      (text) => text.includes('Programmed=False'),
    ),
    /Programmed=False/,
  );
  const nodes = await readNodes(client);
  t.match(
    nodes[0]?.gateways.find((one) => one.gateway === gateway),
    { version: before.serving, current: false, rejected: { version: detail.serving } },
  );
  t.match(
    (await fleet.cli('nodes')).stdout,
    `local rejected version ${detail.serving} of ${gateway} and serves ${before.serving}`,
  );
  t.match((await fleet.cli('gateways')).stdout, /eu\/platform\/shared .*0\/1, 1 rejected/);

  await t.test('what comes later is held back by it, for this gateway only', async (t) => {
    await probes.editAll();
    await probes.recorded(client);
    const head = await until(
      () => readGateway(client, gateway),
      ({ serving, nodes }) => serving > detail.serving && nodes.rejected > 0,
    );
    t.match(head.nodeList, [{ version: before.serving }]);
    t.match(await ask(fleet, 'http://probe-0.eu.storefront.example/'), {
      status: 200,
      headers: { 'x-edit': String(probes.edits - 1) },
    });
    fleet.edit('us/payments-routes.yaml', (text) => text.replace('weight: 90', 'weight: 0'));
    await until(
      () => ask(fleet, 'http://pay.us.storefront.example/'),
      ({ body }) => body.startsWith('payments-canary'),
    );
  });

  fleet.edit('eu/platform-gateway.yaml', (text) => text.replace(/\n.*name: taken.*\n/u, ''));
  await probes.served();
  const after = await until(
    () => readGateway(client, gateway),
    ({ nodes }) => nodes.applied === 1,
  );
  t.match(after.nodes, { rejected: 0 });
  t.notMatch((await fleet.cli('nodes')).stdout, 'rejected');
  await traffic.stop();
  t.same(traffic.wrong, [], `${traffic.count} requests`);
});

await t.test('after all of it the history gives what is stored and served', async (t) => {
  t.same(await brokenHistory(fleet), []);
  t.same(await differentDigests(fleet), []);
  t.match(await fleet.cli('rebuild', '--verify'), { code: 0, stdout: /^identical: /m });
});

/** The conditions that the agent of a cluster writes for an object, wherever in its status they are. */
async function conditionsOf(kind: string, namespace: string, name: string): Promise<string> {
  const [row] = await query(
    fleet,
    `select jsonb_path_query_array(status, '$.**.conditions[*]') as conditions from statuses
      where cluster = 'eu' and kind = '${kind}' and namespace = '${namespace}' and name = '${name}'`,
  );
  const conditions = conditionsShape.parse(row?.['conditions'] ?? []);
  return conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason} ${message}`).join('\n');
}

/** A port that a process other than Envoy listens on. */
async function occupyPort(t: { teardown(end: () => void): void }): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => {
    server.listen(0, '127.0.0.1', ready);
  });
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
