// Tests which conditions follow from ListenerSets and what nodes report, and what a change costs among a thousand.
import t from 'tap';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import type { Manifest } from '#libs/testing/given/change-events.ts';
import { gateway, gatewayClass, Given, id, service } from '#libs/testing/given/given-history.ts';

const node = (applied: number): NodeReport => ({
  node: 'n1',
  connected: true,
  serves: ['eu/*/*'],
  addresses: ['10.0.0.1'],
  applied: applied === 0 ? [] : [{ gateway: id, version: applied }],
  rejected: [],
});

const open: Manifest = {
  ...gateway(),
  spec: {
    gatewayClassName: 'f',
    allowedListeners: { namespaces: { from: 'Same' } },
    listeners: [{ name: 'http', port: 80, protocol: 'HTTP', hostname: 'own.example.com' }],
  },
};

const set = (name: string, hostname = `${name}.example.com`, generation = 1): Manifest => ({
  kind: 'ListenerSet',
  metadata: { name, namespace: 'infra', generation },
  spec: { parentRef: { name: 'web' }, listeners: [{ name: 'http', port: 80, protocol: 'HTTP', hostname }] },
});

const route = (name: string, parent: string, path = '/'): Manifest => ({
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'infra' },
  spec: {
    parentRefs: [{ kind: 'ListenerSet', name: parent }],
    rules: [{ matches: [{ path: { value: path } }], backendRefs: [{ name: 'svc', port: 80 }] }],
  },
});

void t.test('a ListenerSet is programmed when all nodes have applied its newest state', async (t) => {
  const given = new Given();
  const programmed = (name: string): string => given.conditions('ListenerSet', name)[1] ?? '';
  given.apply([gatewayClass, open, service]);
  given.projection.setNodes([node(1)]);
  given.apply([set('a')]);
  t.equal(programmed('a'), 'Programmed=False Pending: not applied by all nodes yet');
  t.equal(given.conditions('Gateway', 'web')[1], 'Programmed=True Programmed: applied by 1 of 1 nodes');
  t.match(given.projection.setNodes([node(2)]).statuses, [{ kind: 'ListenerSet', name: 'a' }]);
  t.equal(programmed('a'), 'Programmed=True Programmed');
  given.apply([set('b')]);
  t.equal(programmed('a'), 'Programmed=True Programmed', 'one more is no news for the others');
  given.apply([set('a', 'new.example.com', 2)]);
  t.match(programmed('a'), 'Programmed=False Pending');
  given.projection.setNodes([node(3)]);
  t.strictSame(
    [programmed('a'), programmed('b')].map((text) => text.split(':')[0]),
    ['Programmed=False Pending', 'Programmed=True Programmed'],
  );
  given.projection.setNodes([{ ...node(4), connected: false }]);
  t.match(programmed('a'), 'Programmed=Unknown Pending: not every node of the Gateway is connected');
  given.projection.setNodes([]);
  t.match(programmed('a'), 'Programmed=False ParentNotProgrammed: no node serves the Gateway');
});

void t.test('a ListenerSet that comes before its Gateway is programmed no sooner', async (t) => {
  const given = new Given();
  given.projection.setNodes([node(0)]);
  given.apply([gatewayClass, set('a')]);
  t.strictSame(given.conditions('ListenerSet', 'a'), []);
  given.apply([open]);
  t.match(given.conditions('ListenerSet', 'a')[1], 'Programmed=False Pending');
  given.projection.setNodes([node(1)]);
  t.equal(given.conditions('ListenerSet', 'a')[1], 'Programmed=True Programmed');
});

void t.test('when a winner goes, the next one takes its place, with its routes', async (t) => {
  const given = new Given();
  given.apply([gatewayClass, open, service, set('a', 'x.example.com'), set('b', 'x.example.com'), route('r', 'b')]);
  t.match(given.conditions('ListenerSet', 'b')[0], 'Accepted=False ListenersNotValid');
  t.notOk(given.projection.content(id)?.entries.has('rule/HTTPRoute/infra/r/0'));
  const change = given.apply([], [set('a', 'x.example.com')]);
  t.equal(given.conditions('ListenerSet', 'b')[0], 'Accepted=True Accepted');
  t.strictSame(
    change.versions[0]?.changes.map(({ key, hash }) => `${hash === null ? '-' : '+'}${key}`),
    ['+backend/eu/infra/svc/80', '-listener/infra/a/http', '+listener/infra/b/http', '+rule/HTTPRoute/infra/r/0'],
  );
});

void t.test('what is refused later is served no longer, and its routes are told', async (t) => {
  const given = new Given();
  given.apply([gatewayClass, open, service, set('a'), route('r', 'a')]);
  t.equal(given.projection.content(id)?.entries.size, 4);
  given.apply([gateway(2)]);
  t.match(given.conditions('ListenerSet', 'a')[0], 'Accepted=False NotAllowed');
  t.match(given.conditions('HTTPRoute', 'r'), []);
  t.strictSame([...(given.projection.content(id)?.entries.keys() ?? [])], ['listener/http']);
  given.apply([open], [set('a')]);
  t.strictSame([...(given.projection.content(id)?.entries.keys() ?? [])], ['listener/http']);
});

void t.test('a thousand ListenerSets: a change wakes what it concerns', async (t) => {
  const cost = (count: number): readonly number[] => {
    const given = new Given();
    const names = Array.from({ length: count }, (_, i) => `s${i}`);
    given.apply([gatewayClass, open, service, ...names.map((name) => set(name)), route('r', 's1')]);
    t.equal(given.projection.content(id)?.entries.size, count + 3);
    given.projection.setNodes([node(1)]);
    const executions = (run: () => { readonly statuses: readonly unknown[] }, statuses: number): number => {
      const before = given.projection.executions;
      t.equal(run().statuses.length, statuses);
      return given.projection.executions - before;
    };
    return [
      executions(() => given.apply([route('r', 's1', '/new')]), 0),
      executions(() => given.projection.setNodes([node(2)]), 0),
      executions(() => given.apply([set('s2', 'other.example.com', 2)]), 1),
      executions(() => given.projection.setNodes([node(3)]), 1),
      executions(() => given.apply([set('one-more')]), 2),
      executions(() => given.apply([], [set('one-more')]), 2),
    ];
  };
  t.strictSame(cost(1000), cost(3));
});
