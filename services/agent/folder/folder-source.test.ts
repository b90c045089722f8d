import { mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { type Source, type SourceChange, objectName } from '../source.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import { openFolderSource } from './folder-source.ts';

interface Seen {
  readonly source: Source;
  /** `+Kind/namespace/name generation via` and `-Kind/namespace/name via`, in order. */
  readonly changes: string[];
  readonly objects: Map<string, KubeObject>;
  readonly last: (key: string) => SourceChange | undefined;
  readonly problems: () => readonly string[];
  readonly listed: string[];
}

async function open(
  t: Test,
  folder: string,
  options: { readonly state?: string; readonly inventory?: readonly InventoryItem[]; readonly cluster?: string } = {},
): Promise<Seen> {
  const changes: string[] = [];
  const all: SourceChange[] = [];
  const listed: string[] = [];
  const objects = new Map<string, KubeObject>();
  const problems = new Map<string, string>();
  const source = await openFolderSource({
    folder,
    cluster: options.cluster ?? 'eu',
    stateFolder: options.state ?? (await throwawayFolder(t)),
    log: testLogger(),
    settleMs: 30,
    scanMs: 300,
  });
  t.teardown(() => source.stop());
  await source.start(
    {
      change(change) {
        all.push(change);
        const key = toLocalKey(change.type === 'applied' ? objectName(change.kind, change.object) : change);
        if (change.type === 'applied') {
          if (hashOf(objects.get(key)) === hashOf(change.object)) return;
          objects.set(key, change.object);
          changes.push(`+${key} ${change.object.metadata.generation} ${change.via}`);
        } else {
          objects.delete(key);
          changes.push(`-${key} ${change.via}`);
        }
      },
      listed: (kind) => listed.push(kind),
      problem(about, sentence) {
        if (sentence === null) problems.delete(about);
        else problems.set(about, sentence);
      },
      restarted: () => undefined,
    },
    options.inventory ?? [],
  );
  return {
    source,
    changes,
    objects,
    listed,
    problems: () => [...problems.values()].map((problem) => problem.replaceAll(`${folder}/`, '')),
    last: (key) =>
      all.findLast(
        (change) => key === toLocalKey(change.type === 'applied' ? objectName(change.kind, change.object) : change),
      ),
  };
}

function hashOf(object: KubeObject | undefined): string {
  return object === undefined ? '' : hashObject(object);
}

const route = (name: string, host: string, extra = ''): string => `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: shop${extra} }
spec:
  hostnames: [${host}]
`;
const secret = (value: string): string =>
  `{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: shop}, stringData: {tls.key: ${value}}}`;
const key = (name: string): string => `HTTPRoute/shop/${name}`;

const policy = (apiVersion: string, kind: string, ref: string): string => `
apiVersion: ${apiVersion}
kind: ${kind}
metadata: { name: p, namespace: shop }
spec: { targetRef: ${ref} }
`;

void t.test('policies of other gateways are read, by name or by what they are attached to', async (t) => {
  const folder = await throwawayFolder(t);
  const route = '{ group: gateway.networking.k8s.io, kind: HTTPRoute, name: a }';
  const workload = '{ apiVersion: apps/v1, kind: Deployment, name: a }';
  writeFileSync(join(folder, 'a.yaml'), policy('gateway.envoyproxy.io/v1alpha1', 'SecurityPolicy', route));
  writeFileSync(join(folder, 'b.yaml'), policy('autoscaling.k8s.io/v1', 'VerticalPodAutoscaler', workload));
  const kept = 'Quota.gateway.example.com';
  const inventory = ['Gone.gateway.example.com', kept].map((kind) => ({
    ...{ key: `${kind}/shop/p`, uid: 'u', hash: '', resourceVersion: '1', generation: 1 },
    creationTimestamp: '2026-01-01T00:00:00Z',
  }));
  const { changes, listed, objects, problems } = await open(t, folder, { inventory });
  const found = 'SecurityPolicy.gateway.envoyproxy.io';
  t.same(changes, ['+Namespace//shop 1 relist', `+${found}/shop/p 1 relist`]);
  t.match(objects.get(`${found}/shop/p`), { apiVersion: 'gateway.envoyproxy.io/v1alpha1', kind: 'SecurityPolicy' });
  for (const kind of [found, 'Gone.gateway.example.com', kept])
    t.ok(listed.includes(kind), `all of ${kind} is known: what the history has beside it is gone`);
  writeFileSync(
    join(folder, 'c.yaml'),
    policy('gateway.example.com/v1', 'Later', '{ kind: Service, group: "", name: a }'),
  );
  await eventually(() => changes.includes('+Later.gateway.example.com/shop/p 1 watch'));
  t.ok(listed.includes('Later.gateway.example.com'));
  rmSync(join(folder, 'a.yaml'));
  await eventually(() => changes.includes(`-${found}/shop/p watch`));
  t.same(problems(), []);
});

void t.test('serves files as an API server would', async (t) => {
  const folder = await throwawayFolder(t);
  mkdirSync(join(folder, 'team/one'), { recursive: true });
  writeFileSync(
    join(folder, 'a.yaml'),
    `${route('a', 'a.example.com')}---${route('b', 'b.example.com')}---\n# nothing\n`,
  );
  writeFileSync(
    join(folder, 'team/one/list.json'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        { apiVersion: 'v1', kind: 'Service', metadata: { name: 's' }, spec: { ports: [{ port: 80 }] } },
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'declared', labels: { team: 'one' } } },
        { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'ignored' } },
      ],
    }),
  );
  for (const hidden of ['.hidden.yaml', 'notes.txt', 'a.yaml~']) writeFileSync(join(folder, hidden), ': : :');
  utimesSync(join(folder, 'a.yaml'), new Date('2026-01-02T03:04:05Z'), new Date('2026-01-02T03:04:05Z'));
  const { changes, objects, listed, last, problems } = await open(t, folder);
  t.same(changes.toSorted(), [
    '+HTTPRoute/shop/a 1 relist',
    '+HTTPRoute/shop/b 1 relist',
    '+Namespace//declared 1 relist',
    '+Namespace//default 1 relist',
    '+Namespace//shop 1 relist',
    '+Service/default/s 1 relist',
  ]);
  t.same(problems(), []);
  t.ok(listed.includes('HTTPRoute') && listed.includes('Secret'));
  const object = objects.get(key('a'));
  t.match(object?.metadata, { name: 'a', namespace: 'shop', generation: 1 });
  t.match(object?.metadata.uid, /^[0-9a-f]{8}-[0-9a-f]{4}-/);
  t.match(object?.metadata.creationTimestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.match(object?.metadata.resourceVersion, /^\d+$/);
  t.same(object?.['spec'], { hostnames: ['a.example.com'] });
  t.same(objects.get('Namespace//shop')?.metadata.labels, { 'kubernetes.io/metadata.name': 'shop' });
  t.same(objects.get('Namespace//declared')?.metadata.labels, {
    team: 'one',
    'kubernetes.io/metadata.name': 'declared',
  });
  const { provenance } = last(key('a')) ?? {};
  t.equal(provenance?.at, '2026-01-02T03:04:05.000Z');
  t.match(provenance?.actor, { manager: /^folder\/./, operation: 'Update' });
});

void t.test('follows edits, whatever the editor does', async (t) => {
  const folder = await throwawayFolder(t);
  const file = join(folder, 'a.yaml');
  writeFileSync(file, route('a', 'one.example.com'));
  const { changes, objects } = await open(t, folder);
  const became = async (host: string, generation: number): Promise<void> => {
    await eventually(() => JSON.stringify(objects.get(key('a'))).includes(`${host}.example`));
    t.equal(objects.get(key('a'))?.metadata.generation, generation, host);
  };
  const { uid, creationTimestamp, resourceVersion } = objects.get(key('a'))?.metadata ?? {};
  writeFileSync(file, route('a', 'two.example.com'));
  await became('two', 2);
  const touched = changes.length;
  utimesSync(file, new Date('2020-01-01T00:00:00Z'), new Date('2020-01-01T00:00:00Z'));
  for (const [index, host] of ['three', 'four'].entries()) {
    writeFileSync(join(folder, '.a.yaml.swp'), route('a', `${host}.example.com`));
    renameSync(join(folder, '.a.yaml.swp'), file);
    await became(host, 3 + index);
  }
  t.equal(changes.length, touched + 2, 'another time of the file is no change');
  renameSync(file, `${file}~`);
  writeFileSync(file, route('a', 'five.example.com'));
  await became('five', 5);
  rmSync(`${file}~`);
  writeFileSync(file, '');
  writeFileSync(file, route('a', 'five.example.com', ', labels: { x: y }'));
  await eventually(() => objects.get(key('a'))?.metadata.labels?.['x'] === 'y');
  t.equal(objects.get(key('a'))?.metadata.generation, 5, 'a label is no new generation');
  t.notOk(
    changes.some((change) => change.startsWith('-')),
    'nothing was deleted on the way',
  );
  const now = objects.get(key('a'))?.metadata;
  t.equal(now?.uid, uid);
  t.equal(now?.creationTimestamp, creationTimestamp);
  t.ok(Number(now?.resourceVersion) > Number(resourceVersion));

  mkdirSync(join(folder, 'x/y'), { recursive: true });
  writeFileSync(join(folder, 'x/y/b.yml'), route('b', 'b.example.com'));
  await eventually(() => objects.has(key('b')));
  renameSync(join(folder, 'x'), join(folder, 'z'));
  writeFileSync(join(folder, 'z/y/b.yml'), route('b', 'moved.example.com'));
  await eventually(() => JSON.stringify(objects.get(key('b'))).includes('moved.example'));
  t.notOk(changes.includes(`-${key('b')} watch`), 'an object that moved to another file stays');
  const uidBefore = objects.get(key('b'))?.metadata.uid;
  rmSync(join(folder, 'z'), { recursive: true });
  await eventually(() => changes.includes(`-${key('b')} watch`));
  writeFileSync(join(folder, 'b.yaml'), route('b', 'b.example.com'));
  await eventually(() => objects.has(key('b')));
  t.not(objects.get(key('b'))?.metadata.uid, uidBefore, 'what comes back is another object');
  t.equal(changes.filter((change) => change.includes('Namespace//shop')).length, 1);
});

void t.test('a folder that goes away keeps its state, and is followed again when it is back', async (t) => {
  const parent = await throwawayFolder(t);
  const folder = join(parent, 'eu');
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.yaml'), route('a', 'one.example.com'));
  const { objects, problems } = await open(t, folder);
  renameSync(folder, join(parent, 'away'));
  await eventually(() => problems().some((problem) => problem.includes('is not there')));
  t.ok(objects.has(key('a')));
  mkdirSync(folder);
  writeFileSync(join(folder, 'a.yaml'), route('a', 'two.example.com'));
  await eventually(() => JSON.stringify(objects.get(key('a'))).includes('two.example'));
  writeFileSync(join(folder, 'a.yaml'), route('a', 'three.example.com'));
  await eventually(() => JSON.stringify(objects.get(key('a'))).includes('three.example'));
  t.same(problems(), []);
  await t.rejects(open(t, join(parent, 'nowhere')), { code: 'folder' });
});

void t.test('mistakes are named by file and line, and the last good state is kept', async (t) => {
  const folder = await throwawayFolder(t);
  const state = await throwawayFolder(t);
  const file = join(folder, 'a.yaml');
  writeFileSync(file, `${route('a', 'a.example.com')}---${route('b', 'b.example.com')}`);
  const first = await open(t, folder, { state });
  writeFileSync(file, `${route('a', 'changed.example.com')}---\nkind: [HTTPRoute\nmetadata: { name: b }\n`);
  await eventually(() => first.problems().length > 0);
  t.match(first.problems()[0], /^a\.yaml:9: /);
  t.match(JSON.stringify(first.objects.get(key('a'))), /a\.example/);
  t.ok(first.objects.has(key('b')));
  await first.source.stop();

  const second = await open(t, folder, { state });
  t.match(JSON.stringify(second.objects.get(key('a'))), /changed/, 'after a restart, the good part of the file counts');
  t.ok(second.source.isUncertain(key('b')), 'and what may be in the rest of it is not taken for gone');
  t.notOk(second.source.isUncertain(key('a')));
  second.listed.length = 0;
  writeFileSync(file, route('a', 'a.example.com'));
  await eventually(() => second.problems().length === 0 && second.listed.length > 0);
  t.notOk(second.source.isUncertain(key('b')));

  const cases: Readonly<Record<string, RegExp>> = {
    'just text': /a\.yaml:1: this is no Kubernetes object/,
    'kind: HTTPRoute': /a\.yaml:1: apiVersion and kind are needed/,
    [route('a', 'x').replace('/v1', '/v1alpha2')]:
      /a\.yaml:2: HTTPRoute: .*v1alpha2 is not read; use gateway\.networking\.k8s\.io\/v1/,
    [route('A_b', 'x')]: /metadata.name "A_b" is no valid name/,
    [route('a', 'x', ', labels: { n: 1 }')]: /HTTPRoute a: metadata.labels must be a map of strings/,
    [`${route('a', 'x')}---${route('a', 'y')}`]: /a\.yaml:8: HTTPRoute a is also in line 2/,
    'apiVersion: v1\nkind: Namespace\nmetadata: { name: n, namespace: m }': /belongs to no namespace/,
    'a: 1\na: 2': /a\.yaml:2: Map keys must be unique/,
  };
  for (const [text, problem] of Object.entries(cases)) {
    writeFileSync(file, text);
    t.match(await eventually(() => second.problems().find((sentence) => problem.test(sentence))), problem);
  }
  t.match(JSON.stringify(second.objects.get(key('a'))), /a\.example/);
});

void t.test('one object in two files: the file that had it first counts, the other is named', async (t) => {
  const folder = await throwawayFolder(t);
  const state = await throwawayFolder(t);
  writeFileSync(join(folder, 'b.yaml'), route('a', 'first.example.com'));
  const first = await open(t, folder, { state });
  writeFileSync(join(folder, 'a.yaml'), route('a', 'second.example.com'));
  await eventually(() => first.problems().length === 1);
  t.equal(first.problems()[0], 'a.yaml:2: HTTPRoute shop/a is also in b.yaml:2, which counts');
  await first.source.stop();
  const second = await open(t, folder, { state });
  t.match(JSON.stringify(second.objects.get(key('a'))), /first/, 'also after a restart');
  const uid = second.objects.get(key('a'))?.metadata.uid;
  rmSync(join(folder, 'b.yaml'));
  await eventually(() => JSON.stringify(second.objects.get(key('a'))).includes('second.example'));
  t.equal(second.objects.get(key('a'))?.metadata.uid, uid);
  t.same(second.problems(), []);
});

void t.test('identity survives a restart by the state, and the loss of the state by the inventory', async (t) => {
  const folder = await throwawayFolder(t);
  const state = await throwawayFolder(t);
  writeFileSync(join(folder, 'a.yaml'), route('a', 'a.example.com'));
  writeFileSync(join(folder, 'b.yaml'), route('b', 'b.example.com'));
  const first = await open(t, folder, { state });
  await first.source.stop();
  writeFileSync(join(folder, 'b.yaml'), route('b', 'changed.example.com'));
  const [a, b] = [first.objects.get(key('a')), first.objects.get(key('b'))];
  const second = await open(t, folder, { state });
  t.same(second.objects.get(key('a')), a);
  t.match(second.objects.get(key('b'))?.metadata, { uid: b?.metadata.uid, generation: 2 });
  t.equal(second.source.clusterUid, first.source.clusterUid);
  const inventory = [...second.objects].map(([key, object]): InventoryItem => {
    const { uid, resourceVersion, creationTimestamp, generation = 0 } = object.metadata;
    return { key, uid, resourceVersion, creationTimestamp, generation, hash: hashObject(object) };
  });
  await second.source.stop();
  const third = await open(t, folder, { inventory });
  t.same(third.objects, second.objects, 'without state, everything is as the history holds it');
  t.equal(third.source.clusterUid, first.source.clusterUid, 'and the folder is the same cluster');
  await third.source.stop();
  const other = await open(t, folder, { cluster: 'us' });
  t.not(other.source.clusterUid, first.source.clusterUid);
});

void t.test('a state that lost its last lines is behind the inventory', async (t) => {
  const [folder, state] = [await throwawayFolder(t), await throwawayFolder(t)];
  const journal = join(state, 'objects.jsonl');
  writeFileSync(join(folder, 'a.yaml'), route('a', 'a.example.com'));
  const first = await open(t, folder, { state });
  await eventually(() => first.objects.has(key('a')));
  const early = readFileSync(journal);
  writeFileSync(join(folder, 'a.yaml'), route('a', 'changed.example.com'));
  const changed = await eventually(() => {
    const object = first.objects.get(key('a'));
    return object?.metadata.generation === 2 && object;
  });
  await first.source.stop();
  writeFileSync(journal, early);
  const { uid, resourceVersion, creationTimestamp, generation = 0 } = changed.metadata;
  const item = { key: key('a'), uid, resourceVersion, creationTimestamp, generation, hash: hashObject(changed) };
  const second = await open(t, folder, { state, inventory: [item] });
  t.same(second.objects.get(key('a')), changed, 'what the history holds is no change');
});

function bundleFile(version: string, name: string, more = ''): string {
  const metadata = `{ name: '${name}'${more} }`;
  const head = `apiVersion: certificates.k8s.io/${version}\nkind: ClusterTrustBundle\nmetadata: ${metadata}\n`;
  return `${head}spec: { trustBundle: pem }\n`;
}

void t.test('ClusterTrustBundles have names with colons, and are reported while they are referred to', async (t) => {
  const folder = await throwawayFolder(t);
  const name = 'example.com:internal:v1';
  writeFileSync(join(folder, 'bundle.yaml'), bundleFile('v1beta1', name));
  writeFileSync(
    join(folder, 'wrong.yaml'),
    `${bundleFile('v1', 'a:', '')}---\n${bundleFile('v1', 'b', ', namespace: shop')}`,
  );
  const { source, changes, problems } = await open(t, folder);
  t.same(changes, []);
  await eventually(() => problems().length === 2);
  t.match(problems().join('; '), /"a:" is no valid name.*belongs to no namespace/);
  source.reference([{ kind: 'ClusterTrustBundle', namespace: '', name }]);
  await eventually(() => changes.length === 1);
  t.same(changes, [`+ClusterTrustBundle//${name} 1 relist`]);
  writeFileSync(join(folder, 'bundle.yaml'), bundleFile('v1', name));
  await eventually(() => changes.length === 2);
  rmSync(join(folder, 'bundle.yaml'));
  await eventually(() => changes.at(-1) === `-ClusterTrustBundle//${name} watch`);
});

void t.test('Secrets are reported while they are referred to', async (t) => {
  const folder = await throwawayFolder(t);
  writeFileSync(join(folder, 's.yaml'), secret('a'));
  const { source, changes, objects } = await open(t, folder);
  t.same(changes, ['+Namespace//shop 1 relist']);
  source.reference([{ kind: 'Secret', namespace: 'shop', name: 's' }]);
  await eventually(() => changes.length === 2);
  t.same(objects.get('Secret/shop/s')?.['data'], { 'tls.key': Buffer.from('a').toString('base64') });
  writeFileSync(join(folder, 's.yaml'), secret('b'));
  await eventually(() => changes.length === 3);
  source.reference([]);
  await eventually(() => changes.length === 4);
  t.same(changes.slice(1), ['+Secret/shop/s 1 relist', '+Secret/shop/s 2 watch', '-Secret/shop/s relist']);
});
