import t from 'tap';
import { foreignPolicies } from '#libs/gateway/foreign-kinds.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { generateNodeKey } from '#libs/runtime/hpke.ts';
import { golden } from '#libs/testing/golden.ts';
import { printManifest } from './install-agent.ts';
import { manifestOptions } from './options.ts';
import { objectPath } from './install-client.ts';
import { buildManifest, buildRules } from './manifest.ts';
import { rolloutState } from './rollout.ts';

const name = 'fleetgate-agent';
const flags = {
  cluster: 'eu',
  natsUrl: 'nats://nats.example.com:4222',
  natsToken: 'secret',
  nodePublicKey: Buffer.alloc(32, 7).toString('base64'),
  image: 'registry.example.com/fleetgate:1',
  gatewayClass: true,
};

function print(more: object = {}): { readonly text: string; readonly said: readonly string[] } {
  const said: string[] = [];
  let text = '';
  const output = { out: (part: string) => void (text += part), say: (line: string) => void said.push(line) };
  printManifest(readOptions(manifestOptions, { ...flags, ...more }, {}), output);
  return { text, said };
}

void t.test('the manifest', async (t) => {
  const { text, said } = print();
  golden(t, new URL('testdata/manifest.out.yaml', import.meta.url), text);
  t.same(said, []);
  const json: unknown = JSON.parse(print({ output: 'json' }).text);
  t.match(json, { kind: 'List', items: [{ kind: 'Namespace' }, { kind: 'ServiceAccount' }] });
  t.notMatch(print({ gatewayClass: false }).text, /kind: GatewayClass/);
  t.match(print({ nodePublicKey: undefined }).said[0], /without --node-public-key/);
  t.throws(() => print({ nodePublicKey: 'abc' }), { code: 'config' });
  t.throws(() => print({ natsCredentialsFile: '/nowhere' }), { code: 'file' });
  t.throws(() => print({ cluster: 'E_U', natsUrl: undefined }), { message: /--cluster(.|\n)*--nats-url/ });
  t.equal(print({ nodePublicKey: generateNodeKey().publicKey }).said.length, 0);
});

void t.test('to provide data planes takes a role of its own, bound only then', async (t) => {
  const provision = { provision: true, controlUrl: 'https://control.example.com', provisionerToken: 'fg_secret' };
  const { text } = print(provision);
  golden(t, new URL('testdata/provision.out.yaml', import.meta.url), text);
  t.notMatch(print().text, /provision/i);
  t.throws(() => print({ ...provision, provisionerToken: undefined }), { code: 'config' });
  t.throws(() => print({ ...provision, controlUrl: undefined }), { code: 'config' });
});

void t.test('the role reads what is watched, writes statuses, and nothing else', async (t) => {
  const granted = new Map<string, readonly string[]>();
  for (const rule of buildRules()) {
    if (!('resources' in rule && 'verbs' in rule && 'apiGroups' in rule)) continue;
    const names = 'resourceNames' in rule ? `/${String(rule.resourceNames)}` : '';
    for (const resource of toTexts(rule.resources))
      granted.set(`${String(rule.apiGroups)}/${resource}${names}`, toTexts(rule.verbs));
  }
  for (const { group, plural, status, watch } of kinds) {
    const verbs = granted.get(`${group}/${plural}`);
    t.same(verbs, watch === 'all' ? ['get', 'list', 'watch'] : ['list', 'watch'], plural);
    t.same(granted.get(`${group}/${plural}/status`), status ? ['patch'] : undefined, `${plural}/status`);
    granted.delete(`${group}/${plural}`);
    granted.delete(`${group}/${plural}/status`);
  }
  for (const { group, plural } of [...foreignPolicies.values()].flat()) {
    t.same(granted.get(`${group}/${plural}`), ['list', 'watch'], `${plural} of ${group}`);
    granted.delete(`${group}/${plural}`);
  }
  t.same(
    [...granted],
    [
      ['apiextensions.k8s.io/customresourcedefinitions/gateways.gateway.networking.k8s.io', ['get']],
      ['apiextensions.k8s.io/customresourcedefinitions', ['list']],
    ],
  );
});

void t.test('paths', async (t) => {
  const paths = buildManifest(readOptions(manifestOptions, flags, {})).map(objectPath);
  t.same(paths, [
    '/api/v1/namespaces/fleetgate-system',
    '/api/v1/namespaces/fleetgate-system/serviceaccounts/fleetgate-agent',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles/fleetgate-agent',
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/fleetgate-agent',
    '/api/v1/namespaces/fleetgate-system/secrets/fleetgate-agent',
    '/apis/apps/v1/namespaces/fleetgate-system/deployments/fleetgate-agent',
    '/apis/gateway.networking.k8s.io/v1/gatewayclasses/fleetgate',
  ]);
});

void t.test('what a rollout waits for', async (t) => {
  const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image' };
  const unscheduled = { type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' };
  const refused = { type: 'ReplicaFailure', status: 'True', message: 'quota exceeded' };
  t.match(rolloutState(deployment({ observedGeneration: 1 }), [], name), /not been seen/);
  t.equal(rolloutState(deployment({}), [], name), 'no pod yet');
  t.equal(rolloutState(deployment({ conditions: [refused] }), [], name), 'quota exceeded');
  t.equal(rolloutState(deployment({}), [pod({ phase: 'Pending' })], name), 'the pod is Pending');
  t.match(rolloutState(deployment({}), [pod({ conditions: [unscheduled] })], name), /not scheduled: 0\/3 nodes/);
  t.equal(
    rolloutState(deployment({}), [pod({ containerStatuses: [{ state: { waiting } }] })], name),
    'ImagePullBackOff: Back-off pulling image',
  );
  t.match(
    rolloutState(deployment({}), [pod({ containerStatuses: [{ ready: false, state: {} }] })], name),
    /not ready yet/,
  );
  t.equal(rolloutState(deployment({ updatedReplicas: 1, availableReplicas: 1 }), [], name), 'ready');
});

function deployment(status: object): Readonly<Record<string, unknown>> {
  return { metadata: { generation: 2 }, spec: { replicas: 1 }, status: { observedGeneration: 2, ...status } };
}

function pod(status: object): Readonly<Record<string, unknown>> {
  return { metadata: { labels: { 'app.kubernetes.io/name': name } }, status };
}

function toTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
