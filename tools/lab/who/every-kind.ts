// Makes every kind of request once that an audit tells of: real writes, deletions of all sorts, races, and what changes
// nothing at all.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, apply, jsonPatch, merge, type Requests } from './requests.ts';

const routes = '/apis/gateway.networking.k8s.io/v1/namespaces/who/httproutes';
const secrets = '/api/v1/namespaces/who/secrets';

interface RouteParts {
  readonly name?: string;
  readonly generateName?: string;
  readonly labels?: object;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly object[];
}

/** Makes the object of a route. */
function route(metadata: RouteParts, host = 'a'): object {
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata,
    spec: { hostnames: [`${host}.example.com`] },
  };
}

/** Makes writes that each make one version, with others between them that make none. */
export async function makeWrites(requests: Requests): Promise<void> {
  const post = (kind: string, who: string, body: object, as?: string): Promise<Answer> =>
    requests.write(kind, who, { method: 'POST', path: routes, body, ...(as === undefined ? {} : { as }) });
  const first = await post('create', 'alice', route({ name: 'a' }));
  await post('create with generateName', 'bob', route({ generateName: 'gen-' }));
  const at = { path: `${routes}/a` };
  const spec = { hostnames: ['b.example.com'] };
  const put = await requests.write('update (PUT)', 'bob', { ...at, method: 'PUT', body: { ...first.object, spec } });
  await requests.ask('carol', { ...at, method: 'PUT', body: put.object });
  await requests.ask('alice', { ...at, method: 'PUT', body: { ...first.object, spec } });
  const patches = [
    ['patch (merge)', 'carol', merge, { metadata: { labels: { a: '1', b: '1' } } }],
    ['patch (JSON)', 'alice', jsonPatch, [{ op: 'replace', path: '/metadata/labels/a', value: '2' }]],
    ['a label removed', 'bob', merge, { metadata: { labels: { b: null } } }],
  ] as const;
  for (const [kind, who, type, body] of patches) {
    await requests.write(kind, who, { ...at, method: 'PATCH', type, body });
    // The same again, and tried only, by somebody else.
    const other = who === 'carol' ? 'bob' : 'carol';
    if (type === merge) await requests.ask(other, { ...at, method: 'PATCH', type, body });
    const dry = { ...at, path: `${at.path}?dryRun=All`, method: 'PATCH', type: merge } as const;
    await requests.ask(other, { ...dry, body: { metadata: { labels: { dry: '1' } } } });
  }
  for (const [kind, who, host] of [
    ['apply that creates', 'alice', 'c'],
    ['apply that changes', 'bob', 'd'],
  ] as const) {
    const path = `${routes}/applied?fieldManager=lab&force=true`;
    await requests.write(kind, who, { method: 'PATCH', path, type: apply, body: route({ name: 'applied' }, host) });
    await requests.ask('carol', { method: 'PATCH', path, type: apply, body: route({ name: 'applied' }, host) });
  }
  await post('create by impersonation', 'alice', route({ name: 'i' }), 'bob');
  const body = { metadata: { labels: { i: '1' } } };
  await requests.write('patch by impersonation', 'carol', {
    ...{ method: 'PATCH', path: `${routes}/i`, type: merge, body, as: 'alice' },
  });
}

/** Makes requests that the API server refuses; nothing may come of them. */
export async function makeRefusals(requests: Requests): Promise<readonly number[]> {
  const at = { path: `${routes}/a`, method: 'PATCH', type: merge } as const;
  const refused = [
    await requests.ask('dave', { ...at, body: { metadata: { labels: { x: '1' } } } }),
    await requests.ask('alice', { ...at, path: `${routes}/none`, body: {} }),
    await requests.ask('alice', { ...at, body: { spec: { hostnames: ['NOT VALID'] } } }),
    await requests.ask('alice', { ...at, body: { metadata: { resourceVersion: '1', labels: { x: '1' } } } }),
  ];
  return refused.map(({ status }) => status);
}

/** Has people write one object at the same time; each answer says which version is whose. */
export async function makeRaces(requests: Requests, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const people = ['alice', 'bob', 'carol', 'alice', 'bob', 'carol'];
    await Promise.all(
      people.map((who, turn) =>
        requests.write('racing patches', who, {
          ...{ method: 'PATCH', path: `${routes}/a`, type: merge },
          body: { metadata: { labels: { race: `${round}-${turn}` } } },
        }),
      ),
    );
  }
}

/** Deletes in every way. */
export async function makeDeletions(requests: Requests): Promise<void> {
  const create = (metadata: RouteParts): Promise<Answer> =>
    requests.write('create', 'alice', { method: 'POST', path: routes, body: route(metadata) });
  const dry = { kind: 'DeleteOptions', apiVersion: 'v1', dryRun: ['All'] };
  const plain = await create({ name: 'plain' });
  await requests.ask('carol', { method: 'DELETE', path: `${routes}/plain`, body: dry });
  await requests.ask('bob', { method: 'DELETE', path: `${routes}/plain` });
  requests.gone('delete', plain, 'bob');

  const held = await create({ name: 'held', finalizers: ['example.com/hold'] });
  await requests.write('delete that waits', 'bob', { method: 'DELETE', path: `${routes}/held` });
  await requests.ask('carol', { method: 'DELETE', path: `${routes}/held` });
  await sleep(300);
  const body = { metadata: { finalizers: null } };
  await requests.ask('alice', { method: 'PATCH', path: `${routes}/held`, type: merge, body });
  requests.gone('last finalizer removed', held, 'bob', 'alice');

  const set = await Promise.all(['x', 'y', 'z'].map((name) => create({ name, labels: { set: 'all' } })));
  const all = `${routes}?labelSelector=set%3Dall`;
  await requests.ask('bob', { method: 'DELETE', path: all, body: dry });
  await requests.ask('carol', { method: 'DELETE', path: all });
  for (const one of set) requests.gone('deletecollection', one, 'carol');

  const owner = await create({ name: 'owner' });
  const kind = 'HTTPRoute';
  const reference = { apiVersion: 'gateway.networking.k8s.io/v1', kind, name: 'owner', uid: owner.uid };
  const owned = await create({ name: 'owned', ownerReferences: [reference] });
  await requests.ask('bob', { method: 'DELETE', path: `${routes}/owner` });
  requests.gone('delete', owner, 'bob');
  requests.gone('garbage collection', owned, 'system:serviceaccount:kube-system:generic-garbage-collector');
  await sleep(3000);
}

/** Writes a Secret, of which the audit has no bodies; a Gateway must refer to it, so that it is watched. */
export async function makeSecretWrites(requests: Requests): Promise<void> {
  const write = (kind: string, who: string, type: string, body: object, method: 'POST' | 'PATCH'): Promise<Answer> =>
    requests.write(kind, who, { method, path: method === 'POST' ? secrets : `${secrets}/tls`, type, body });
  const metadata = { name: 'tls' };
  await write('Secret: create', 'alice', 'application/json', { kind: 'Secret', apiVersion: 'v1', metadata }, 'POST');
  await sleep(1000);
  for (const [turn, who] of ['bob', 'carol', 'bob', 'alice'].entries()) {
    const body = { metadata: { labels: { turn: String(turn) } } };
    await write('Secret: patch', who, merge, body, 'PATCH');
    await requests.ask('carol', { method: 'PATCH', path: `${secrets}/tls`, type: merge, body });
    await sleep(700);
  }
  for (let round = 0; round < 3; round++)
    await Promise.all(
      ['alice', 'bob', 'carol'].map((who) =>
        write(
          'Secret: racing patches',
          who,
          merge,
          { metadata: { labels: { turn: `${round} ${who}`.replace(' ', '-') } } },
          'PATCH',
        ),
      ),
    );
}
