// ClusterTrustBundles (GEP-5075) in two real clusters: one serves the API (v1beta1, with its feature gate on), the
// other does not. Statuses, features, requests and history say the same, through creation, rotation, deletion and
// re-creation.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { z } from 'zod';
import { restartApiServer } from './api-server.ts';
import { echoWorkload } from './echo-workload.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const lab = new LabClient(labPaths());
t.setTimeout(1_800_000);
const apiServers: (() => void)[] = [];
t.teardown(async () => {
  for (const end of apiServers) end();
  await lab.down();
});
await lab.up(
  2,
  [
    { version: 'v1.7.0', channel: 'experimental' },
    { version: 'v1.6.3', channel: 'experimental' },
  ],
  { FLEETGATE_LAB_BUNDLES: '0' },
);
const fleet = await lab.startFleet();
const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };
const clusters = ['c0', 'c1'] as const;
const [ofClients, ofBackends] = ['example.com:clients:v1', 'example.com:backends:v1'];

const conditions = z.array(z.object({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() }));
const gatewayObject = z.object({
  status: z.object({ listeners: z.array(z.object({ name: z.string(), conditions })) }),
});
const policyObject = z.object({ status: z.object({ ancestors: z.array(z.object({ conditions })) }) });
const classObject = z.object({
  status: z.object({ supportedFeatures: z.array(z.object({ name: z.string() })) }),
});
const events = z.array(z.object({ type: z.string() }));

/** A backend that speaks TLS, and the policy that says whom it must be signed by. */
const secureWorkload = `apiVersion: apps/v1
kind: Deployment
metadata: { name: secure, namespace: apps }
spec:
  replicas: 1
  selector: { matchLabels: { app: secure } }
  template:
    metadata: { labels: { app: secure } }
    spec:
      volumes: [{ name: pair, secret: { secretName: backend } }]
      containers:
        - name: echo
          image: echo-basic
          volumeMounts: [{ name: pair, mountPath: /etc/pair }]
          env:
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
            - { name: TLS_SERVER_CERT, value: /etc/pair/tls.crt }
            - { name: TLS_SERVER_PRIVKEY, value: /etc/pair/tls.key }
---
apiVersion: v1
kind: Service
metadata: { name: secure, namespace: apps }
spec:
  selector: { app: secure }
  ports: [{ name: https, port: 443, targetPort: 8443 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: { name: secure, namespace: apps }
spec:
  targetRefs: [{ group: '', kind: Service, name: secure }]
  validation: { hostname: abc.example.com, caCertificateRefs: ${trusting(ofBackends)} }`;

await t.test('install, and apply the same in both clusters', async () => {
  for (const cluster of clusters) {
    const where = ['--kubeconfig', lab.kubeconfig(cluster), '--context', cluster, '--cluster', cluster];
    const how = ['--image', 'fleetgate', '--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey];
    await lab.fleetgate(['agent', 'install', ...where, ...how], {});
    await lab.kubectl(cluster, ['apply', '-f', '-'], manifests(cluster));
  }
});

await t.test('features are claimed where the API is', async (t) => {
  await until('c0 claims it', async () => ((await features('c0')).includes('ClusterTrustBundle') ? true : undefined));
  const others = await until('c1 claims features', async () => {
    const names = await features('c1');
    return names.length > 0 ? names : undefined;
  });
  t.notOk(others.includes('ClusterTrustBundle'));
});

await t.test('without the API: InvalidKind with the remedy, and everything else goes on', async (t) => {
  await listenerSays('c1', 'ResolvedRefs', 'InvalidKind');
  await listenerSays('c1', 'Accepted', 'NoValidCACertificate');
  t.match(await policySays('c1', 'ResolvedRefs', 'InvalidKind'), /feature gate ClusterTrustBundle/);
  await policySays('c1', 'Accepted', 'NoValidCACertificate');
  await answers('c1', '/plain', 200);
  await answers('c1', '/secure', 500);
  t.equal(await asClient('c1', 'client'), 0, 'no connection');
  const agent = ['-n', 'fleetgate-system', 'get', 'pods', '-o', 'jsonpath={.items[*].status.containerStatuses[*]}'];
  t.notMatch(await lab.kubectl('c1', agent), /"restartCount": ?[1-9]/u, 'the agent has not crashed');
  t.notMatch(await lab.fleetgate(['clusters', '--output', 'json'], client), /clustertrustbundles/u, 'and no problem');
});

await t.test('a bundle that does not exist', async () => {
  await listenerSays('c0', 'ResolvedRefs', 'InvalidCACertificateRef');
  await listenerSays('c0', 'Accepted', 'NoValidCACertificate');
  await policySays('c0', 'ResolvedRefs', 'InvalidCACertificateRef');
  await policySays('c0', 'Accepted', 'NoValidCACertificate');
  await answers('c0', '/plain', 200);
  await answers('c0', '/secure', 500);
});

await t.test('created: whom it signs gets in, and nobody else', async (t) => {
  await bundle(ofClients, 'client-ca');
  await bundle(ofBackends, 'backend-ca');
  await listenerSays('c0', 'ResolvedRefs', 'ResolvedRefs');
  await policySays('c0', 'ResolvedRefs', 'ResolvedRefs');
  await answers('c0', '/secure', 200);
  await until('the client gets in', async () => ((await asClient('c0', 'client')) === 200 ? true : undefined));
  t.equal(await asClient('c0', 'other-client'), 0, 'signed by another');
  t.equal(await asClient('c0', 'none'), 0, 'without a certificate');
});

await t.test('rotated', async (t) => {
  await bundle(ofClients, 'other-ca');
  await until('the other client gets in', async () =>
    (await asClient('c0', 'other-client')) === 200 ? true : undefined,
  );
  t.equal(await asClient('c0', 'client'), 0);
});

await t.test('deleted: nothing of it is used; made again: used again', async (t) => {
  await lab.kubectl('c0', ['delete', 'clustertrustbundle', ofClients, ofBackends]);
  await listenerSays('c0', 'ResolvedRefs', 'InvalidCACertificateRef');
  await policySays('c0', 'Accepted', 'NoValidCACertificate');
  await answers('c0', '/secure', 500);
  await until('nobody gets in', async () => ((await asClient('c0', 'other-client')) === 0 ? true : undefined));
  await answers('c0', '/plain', 200);
  await bundle(ofClients, 'client-ca');
  await bundle(ofBackends, 'backend-ca');
  await answers('c0', '/secure', 200);
  await until('the client gets in', async () => ((await asClient('c0', 'client')) === 200 ? true : undefined));
  t.equal(await asClient('c0', 'other-client'), 0, 'the anchors before are forgotten');
});

await t.test('the history shows it', async (t) => {
  const said = await lab.fleetgate(['history', `c0/ClusterTrustBundle/${ofClients}`, '--output', 'json'], client);
  const types = events.parse(JSON.parse(said)).map(({ type }) => type);
  t.same(types.toReversed(), ['applied', 'applied', 'deleted', 'applied']);
});

await t.test('the API goes and comes back while the agent runs', async (t) => {
  let taken: readonly string[] = [];
  await restart((flags) => {
    taken = flags.filter(ofBundles);
    return flags.filter((flag) => !ofBundles(flag));
  });
  t.equal(taken.length, 2);
  await listenerSays('c0', 'ResolvedRefs', 'InvalidKind');
  await policySays('c0', 'ResolvedRefs', 'InvalidKind');
  await until('c0 claims it no more', async () =>
    (await features('c0')).includes('ClusterTrustBundle') ? undefined : true,
  );
  await answers('c0', '/plain', 200);
  await answers('c0', '/secure', 500);
  await until('nobody gets in', async () => ((await asClient('c0', 'client')) === 0 ? true : undefined));
  await restart((flags) => [...flags, ...taken]);
  await listenerSays('c0', 'ResolvedRefs', 'ResolvedRefs');
  await policySays('c0', 'ResolvedRefs', 'ResolvedRefs');
  await answers('c0', '/secure', 200);
  await until('the client gets in', async () => ((await asClient('c0', 'client')) === 200 ? true : undefined));
  await until('c0 claims it', async () => ((await features('c0')).includes('ClusterTrustBundle') ? true : undefined));
});

await t.test('the agent may read bundles, list CRDs and get the one that tells the release', async (t) => {
  const as = ['--as', 'system:serviceaccount:fleetgate-system:fleetgate-agent'];
  const may = async (...what: readonly string[]): Promise<boolean> =>
    (await lab.kubectl('c0', ['auth', 'can-i', ...what, ...as]).catch((error: Error) => error.message))
      .trim()
      .startsWith('yes');
  const crd = 'customresourcedefinitions.apiextensions.k8s.io';
  t.ok(await may('watch', 'clustertrustbundles.certificates.k8s.io'));
  t.ok(await may('get', `${crd}/gateways.gateway.networking.k8s.io`));
  t.notOk(await may('get', `${crd}/httproutes.gateway.networking.k8s.io`));
  t.ok(await may('list', crd), 'for the labels that say which kinds are policies');
  t.notOk(await may('watch', crd));
  t.notOk(await may('update', crd));
  t.notOk(await may('update', 'clustertrustbundles.certificates.k8s.io'));
  t.notOk(await may('list', 'certificatesigningrequests.certificates.k8s.io'));
});

/** Tells whether a flag of an API server is one of those that have it serve bundles. */
function ofBundles(flag: string): boolean {
  return /^--(feature-gates|runtime-config)=/u.test(flag);
}

/** Starts the API server of c0 with other flags, and waits until it answers. */
async function restart(change: (flags: readonly string[]) => readonly string[]): Promise<void> {
  apiServers.push(await restartApiServer(labPaths(), 'c0', change));
  await until('the API server is back', () => lab.kubectl('c0', ['get', '--raw', '/readyz']).catch(() => undefined));
}

/** Names what the class of a cluster claims. */
async function features(cluster: string): Promise<readonly string[]> {
  const json = await lab.kubectl(cluster, ['get', 'gatewayclass', 'fleetgate', '-o', 'json']);
  return classObject.safeParse(JSON.parse(json)).data?.status.supportedFeatures.map(({ name }) => name) ?? [];
}

/** Waits until a condition of the HTTPS listener has a reason. */
async function listenerSays(cluster: string, type: string, reason: string): Promise<void> {
  await until(`${cluster}: the listener says ${type} ${reason}`, async () => {
    const json = await lab.kubectl(cluster, ['-n', 'apps', 'get', 'gateway', 'web', '-o', 'json']);
    const listeners = gatewayObject.safeParse(JSON.parse(json)).data?.status.listeners ?? [];
    const own = listeners.find(({ name }) => name === 'https')?.conditions ?? [];
    return own.some((one) => one.type === type && one.reason === reason) ? true : undefined;
  });
}

/** Waits until a condition of the policy has a reason; gives the message. */
async function policySays(cluster: string, type: string, reason: string): Promise<string> {
  return until(`${cluster}: the policy says ${type} ${reason}`, async () => {
    const json = await lab.kubectl(cluster, ['-n', 'apps', 'get', 'backendtlspolicy', 'secure', '-o', 'json']);
    const [ancestor] = policyObject.safeParse(JSON.parse(json)).data?.status.ancestors ?? [];
    return ancestor?.conditions.find((one) => one.type === type && one.reason === reason)?.message;
  });
}

async function answers(cluster: string, path: string, status: number): Promise<void> {
  await until(`${cluster}${path} answers ${status}`, async () =>
    (await lab.curl(fleet.address, `app.${cluster}.example.com`, path)).status === status ? true : undefined,
  );
}

/** Status of a request by HTTPS with a certificate of libs/xds/testdata/tls; 0 = there is no connection. */
async function asClient(cluster: string, name: string): Promise<number> {
  const host = `app.${cluster}.example.com`;
  const certificate = name === 'none' ? [] : ['--cert', tlsPath(`${name}.crt`), '--key', tlsPath(`${name}.key`)];
  const args = ['-sk', '-m', '5', '-o', '/dev/null', '-w', '%{http_code}', ...certificate];
  const to = ['--resolve', `${host}:443:${fleet.address}`, `https://${host}/plain`];
  return Number(await lab.run(['curl', ...args, ...to]).catch(() => '0'));
}

async function bundle(name: string, authority: string): Promise<void> {
  const spec = { signerName: name.split(':').slice(0, 2).join('/'), trustBundle: tlsFile(`${authority}.crt`) };
  const apiVersion = 'certificates.k8s.io/v1beta1';
  const object = { apiVersion, kind: 'ClusterTrustBundle', metadata: { name }, spec };
  await lab.kubectl('c0', ['apply', '-f', '-'], JSON.stringify(object));
}

/** What both clusters get. */
function manifests(cluster: string): string {
  const hostname = `'*.${cluster}.example.com'`;
  return `${echoWorkload(1, `echo-${cluster}`)}
${secret('listener', 'default')}
---
${secret('backend', 'backend')}
---
${secureWorkload}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: apps }
spec:
  gatewayClassName: fleetgate
  tls: { frontend: { default: { validation: { caCertificateRefs: ${trusting(ofClients)} } } } }
  listeners:
    - { name: http, port: 80, protocol: HTTP, hostname: ${hostname} }
    - name: https
      port: 443
      protocol: HTTPS
      hostname: ${hostname}
      tls: { certificateRefs: [{ name: listener }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: app, namespace: apps }
spec:
  parentRefs: [{ name: web }]
  hostnames: [app.${cluster}.example.com]
  rules:
    - matches: [{ path: { type: Exact, value: /plain } }]
      backendRefs: [{ name: echo, port: 8080 }]
    - matches: [{ path: { type: Exact, value: /secure } }]
      backendRefs: [{ name: secure, port: 443 }]
`;
}

function trusting(name: string): string {
  return `[{ group: certificates.k8s.io, kind: ClusterTrustBundle, name: '${name}' }]`;
}

function secret(name: string, file: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'apps' },
    type: 'kubernetes.io/tls',
    stringData: { 'tls.crt': tlsFile(`${file}.crt`), 'tls.key': tlsFile(`${file}.key`) },
  });
}

function tlsPath(name: string): string {
  return fileURLToPath(new URL(`../../libs/xds/testdata/tls/${name}`, import.meta.url));
}

function tlsFile(name: string): string {
  return readFileSync(tlsPath(name), 'utf8');
}
