// Tests which kinds of policies are watched that other gateways serve, and what is said where that cannot be known.
import t, { type Test } from 'tap';
import { readForeignKind } from '#libs/gateway/kinds.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { MisbehavingApiServer } from '../testing/misbehaving-api-server.ts';
import { PolicyWatches } from './policy-watches.ts';
import { Reachability } from './reachability.ts';

interface Run {
  readonly server: MisbehavingApiServer;
  readonly watches: PolicyWatches;
  /** `kind name apiVersion` or `kind name gone`, in order. */
  readonly changes: string[];
  readonly listed: string[];
  readonly problems: Map<string, string>;
}

const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** What the server says that it serves of policies: plurals and kinds by group and version. `labelled` are CRDs. */
function installPolicies(
  server: MisbehavingApiServer,
  served: Readonly<Record<string, Readonly<Record<string, string>>>>,
  labelled: readonly string[] = [],
): void {
  const byGroup = Map.groupBy(Object.keys(served), (path) => path.split('/', 1)[0]);
  const groups = [...byGroup].map(([name, paths]) => {
    const versions = paths.map((path) => ({ version: path.slice(path.indexOf('/') + 1) }));
    return { name, versions, preferredVersion: versions.at(-1) };
  });
  server.documents.set('/apis', { groups });
  for (const [path, kindsOf] of Object.entries(served)) {
    const resources = Object.entries(kindsOf).map(([name, kind]) => ({ name, kind, namespaced: true }));
    server.documents.set(`/apis/${path}`, { resources });
  }
  server.failing.delete(crds);
  const items = labelled.map((name) => ({ metadata: { name } }));
  server.documents.set(crds, { metadata: { resourceVersion: '1' }, items });
}

async function begin(
  t: Test,
  prepare: (server: MisbehavingApiServer) => void,
  held: readonly string[] = [],
): Promise<Run> {
  const server = new MisbehavingApiServer();
  const client = await server.start();
  installPolicies(server, {});
  prepare(server);
  const changes: string[] = [];
  const listed: string[] = [];
  const problems = new Map<string, string>();
  const problem = (about: string, sentence: string | null): void => {
    problems.delete(about);
    if (sentence !== null) problems.set(about, sentence);
  };
  const watches = new PolicyWatches({
    client,
    sink: {
      change(change) {
        const name = change.type === 'applied' ? change.object.metadata.name : change.name;
        const how = change.type === 'applied' ? change.object.apiVersion : 'gone';
        changes.push(`${change.kind} ${name} ${how}`);
      },
      listed: (kind) => listed.push(kind),
      problem,
      restarted: () => undefined,
    },
    reachability: new Reachability(problem),
    held: held.flatMap((kind) => readForeignKind(kind) ?? []),
    timing: { backoffMs: () => 5, settleMs: 5 },
    pollMs: 20,
  });
  t.teardown(async () => {
    await watches.stop();
    await client.close();
    await server.stop();
  });
  watches.start();
  return { server, watches, changes, listed, problems };
}

const securityPolicies = '/apis/gateway.envoyproxy.io/v1alpha1/securitypolicies';
const security = 'SecurityPolicy.gateway.envoyproxy.io';
const quotas = '/apis/gateway.example.com/v2/quotas';
const quota = 'Quota.gateway.example.com';

void t.test('policies of other gateways: those known by name, and those whose CRDs are labelled', async (t) => {
  const run = await begin(t, (server) => {
    installPolicies(
      server,
      {
        'gateway.envoyproxy.io/v1alpha1': { securitypolicies: 'SecurityPolicy', envoyproxies: 'EnvoyProxy' },
        'gateway.example.com/v1': { quotas: 'Quota' },
        'gateway.example.com/v2': { quotas: 'Quota', others: 'Other', 'quotas/status': 'Quota' },
        'gateway.networking.k8s.io/v1': { backendtlspolicies: 'BackendTLSPolicy' },
      },
      [
        'quotas.gateway.example.com',
        'backendtlspolicies.gateway.networking.k8s.io',
        'nonsense',
        'gone.nowhere.example.com',
      ],
    );
    server.put('login', {}, 'silently', securityPolicies);
    server.put('cart', {}, 'silently', quotas);
    server.put('other', {}, 'silently', '/apis/gateway.example.com/v2/others');
  });
  const { server, changes, listed, problems } = run;
  await eventually(() => listed.includes(security) && listed.includes(quota));
  t.same(changes.toSorted(), [
    `${quota} cart gateway.example.com/v2`,
    `${security} login gateway.envoyproxy.io/v1alpha1`,
  ]);
  t.same([...problems], []);
  server.put('more', {}, 'watched', securityPolicies);
  await eventually(() => changes.includes(`${security} more gateway.envoyproxy.io/v1alpha1`));
  server.failing.set(quotas, 404);
  installPolicies(server, { 'gateway.envoyproxy.io/v1alpha1': { securitypolicies: 'SecurityPolicy' } });
  server.closeWatches('cleanly');
  // It goes with its CRD.
  await eventually(() => changes.includes(`${quota} cart gone`));
  server.failing.delete(quotas);
  installPolicies(server, { 'gateway.example.com/v2': { quotas: 'Quota' } }, ['quotas.gateway.example.com']);
  await eventually(() => changes.filter((one) => one === `${quota} cart gateway.example.com/v2`).length === 2);
  await eventually(() => changes.includes(`${security} login gone`));
});

void t.test('policies that may not be read are not known, and what the history has of them stays', async (t) => {
  const held = ['Old.gateway.example.com', quota, 'HTTPRoute.networking.x-k8s.io'];
  const prepare = (server: MisbehavingApiServer): void => {
    installPolicies(server, {
      'gateway.envoyproxy.io/v1alpha1': { securitypolicies: 'SecurityPolicy' },
      'gateway.example.com/v2': { quotas: 'Quota' },
    });
    server.failing.set(crds, 403);
    server.failing.set(securityPolicies, 403);
    server.failing.set(quotas, 403);
  };
  const { server, listed, problems, changes } = await begin(t, prepare, held);
  await eventually(() => problems.has('policies') && problems.has(security) && problems.has(quota));
  t.match(problems.get('policies'), /CRDs of policies that are not known by name cannot be seen.*failing with 403/);
  t.match(
    problems.get(security),
    /^securitypolicies.gateway.envoyproxy.io cannot be listed: .*: whether policies of this kind are attached is not/,
  );
  // The cluster does not serve it.
  await eventually(() => listed.includes('Old.gateway.example.com'));
  t.notOk(listed.some((kind) => kind !== 'Old.gateway.example.com'));
  server.put('login', {}, 'silently', securityPolicies);
  for (const path of [crds, securityPolicies, quotas]) server.failing.delete(path);
  await eventually(() => changes.includes(`${security} login gateway.envoyproxy.io/v1alpha1`));
  // No CRD of the name is labelled: it is no policy.
  await eventually(() => listed.includes(quota));
  await eventually(() => problems.size === 0);
});

void t.test('a server that does not say what it serves has no fewer policies for that', async (t) => {
  const { server, listed, problems } = await begin(
    t,
    (server) => {
      server.documents.delete('/apis');
      server.failing.set('/apis', 503);
    },
    [quota],
  );
  await eventually(() => problems.get('policies')?.includes('is not known'));
  t.notOk(listed.includes(quota));
  server.failing.delete('/apis');
  installPolicies(server, {});
  await eventually(() => listed.includes(quota));
  t.notOk(problems.has('policies'));
});

void t.test('a server that answers nonsense is asked on, and nothing of it is watched', async (t) => {
  const groupNames = ['gateway.example.com', 'gateway.envoyproxy.io', 'security.istio.io', 'kuadrant.io'];
  const names = ['../../secrets', 'quotas/status', 'Quotas', '', 7, null, {}];
  const kindsOf = ['quota', 'Quota.x', 'Quota/x', '', 'x'.repeat(1000), 7, null, {}];
  const { server, listed, changes, problems } = await begin(t, (server) => {
    const resources = [
      ...names.map((name) => ({ name, kind: 'Quota' })),
      ...kindsOf.map((kind) => ({ name: 'quotas', kind })),
    ];
    const versions = [{ version: 'v1' }, { version: 7 }, 7, null];
    const groups = [...groupNames, 7, null].map((name) => ({ name, versions }));
    server.documents.set('/apis', { groups: [...groups, 7, null, 'x'] });
    server.documents.set('/apis/gateway.example.com/v1', { resources });
    server.documents.set('/apis/gateway.envoyproxy.io/v1', 'x');
    server.documents.set('/apis/security.istio.io/v1', { resources: 'x' });
    server.documents.set('/apis/kuadrant.io/v1', { resources: [7, null, {}] });
    const items = ['quotas.gateway.example.com', 'secrets', '.', 'a/b.c/d', 7].map((name) => ({ metadata: { name } }));
    server.documents.set(crds, { metadata: { resourceVersion: '1' }, items: [...items, 7, null, {}] });
  });
  await eventually(() => problems.has('policies'));
  server.documents.set('/apis/gateway.envoyproxy.io/v1', {});
  await eventually(() => problems.size === 0);
  t.same(listed, []);
  installPolicies(server, { 'gateway.example.com/v1': { quotas: 'Quota' } }, ['quotas.gateway.example.com']);
  await eventually(() => listed.includes(quota));
  t.same(listed, [quota]);
  t.same(changes, []);
});
