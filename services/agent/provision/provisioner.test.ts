import t, { type Test } from 'tap';
import type { DesiredDataPlane, DesiredStatus } from '#libs/events/agent-exchange.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { MisbehavingApiServer, answerStatus } from '../testing/misbehaving-api-server.ts';
import { WishBook } from '../wishes/wish-book.ts';
import { Provisioner } from './provisioner.ts';

const log = createLogger({ service: 'test', level: 'silent' });
const settings = {
  cluster: 'eu',
  namespace: 'fleetgate-system',
  controlUrl: 'http://control:7420',
  controlCa: undefined,
  provisionerToken: 'fg_secret',
  image: 'fleetgate',
};
const dataPlane: DesiredDataPlane = {
  ports: [{ port: 80, protocol: 'TCP' }],
  labels: {},
  annotations: {},
  addresses: [],
  parameters: { replicas: 1, serviceType: 'LoadBalancer', merge: 'none' },
};
const services = '/api/v1/services';
const deployments = '/apis/apps/v1/deployments';

function gateway(name: string, wish: DesiredDataPlane | null = dataPlane): DesiredStatus {
  const desired = { kind: 'Gateway', namespace: 'shop', name, uid: `uid-of-${name}`, status: {} };
  return wish === null ? desired : { ...desired, dataPlane: wish };
}

interface Started {
  readonly provisioner: Provisioner;
  readonly wishes: WishBook;
}

async function setUp(t: Test) {
  const server = new MisbehavingApiServer();
  server.takesApplies = true;
  const client = await server.start();
  const problems = new Map<string, string>();
  /** The class of every Gateway; nothing where the cluster has not shown them yet. */
  const classes = new Map([['any', 'fleetgate']]);
  const start = (): Started => {
    const provisioner = new Provisioner({
      client,
      settings,
      classOf: () => classes.get('any'),
      classUid: () => 'uid-of-class',
      onProblem: (about, sentence) => (sentence === null ? problems.delete(about) : problems.set(about, sentence)),
      delayMs: () => 1,
      log,
    });
    t.teardown(() => provisioner.stop());
    return { provisioner, wishes: new WishBook([provisioner]) };
  };
  t.teardown(async () => {
    await client.close();
    await server.stop();
  });
  const idle = ({ provisioner }: Started): Promise<true> =>
    eventually(() => server.watching === 5 && provisioner.queueLength === 0 && !provisioner.isPlanning);
  return { server, problems, classes, start, idle };
}

void t.test('made in order, and not written again while nothing changed', async (t) => {
  const { server, start, idle } = await setUp(t);
  const started = start();
  started.wishes.beginReplace();
  started.wishes.replace([gateway('web')]);
  await eventually(() => server.patches.length === 4);
  await idle(started);
  t.same(server.patches.map(({ path }) => path.split('/').at(-2) ?? '').toSorted(), [
    'deployments',
    'secrets',
    'serviceaccounts',
    'services',
  ]);
  started.wishes.wish(gateway('web'));
  started.wishes.beginReplace();
  started.wishes.replace([gateway('web')]);
  await idle(started);
  t.equal(server.patches.length, 4);
  started.wishes.wish(gateway('web', { ...dataPlane, ports: [...dataPlane.ports, { port: 53, protocol: 'UDP' }] }));
  await eventually(() => server.patches.length === 5);
  await idle(started);
  t.match(server.patches.at(-1)?.path, /services\/web-fleetgate$/, 'another port changes the Service alone');
});

void t.test('what somebody else changed or deleted is put right', async (t) => {
  const { server, start, idle } = await setUp(t);
  const started = start();
  started.wishes.beginReplace();
  started.wishes.replace([gateway('web')]);
  await eventually(() => server.patches.length === 4);
  await idle(started);
  server.put('web-fleetgate', { type: 'ClusterIP' }, 'watched', services);
  await eventually(() => server.patches.length === 5);
  t.match(server.patches[4]?.path, /services\/web-fleetgate$/);
  await idle(started);
  server.remove('web-fleetgate', 'watched', deployments);
  await eventually(() => server.objects.has(`${deployments}/web-fleetgate`));
});

void t.test('removed when it is not wanted any more, by this agent or the one before it', async (t) => {
  const { server, start, idle } = await setUp(t);
  const first = start();
  first.wishes.beginReplace();
  first.wishes.replace([gateway('web'), gateway('other')]);
  await eventually(() => server.patches.length === 8);
  await idle(first);
  first.wishes.wish(gateway('other', null));
  await eventually(() => server.deletes.length === 4);
  t.ok(server.deletes.every((path) => path.endsWith('other-fleetgate')));
  await first.provisioner.stop();
  const second = start();
  await eventually(() => server.watching === 5);
  second.wishes.wish(gateway('new'));
  await eventually(() => server.objects.has(`${deployments}/new-fleetgate`));
  t.ok(server.objects.has(`${deployments}/web-fleetgate`), 'nothing goes before all wishes are known');
  second.wishes.beginReplace();
  second.wishes.replace([gateway('new')]);
  await eventually(() => !server.objects.has(`${deployments}/web-fleetgate`));
});

void t.test('nothing goes while the cluster has not shown the Gateways whose data planes there are', async (t) => {
  const { server, classes, start, idle } = await setUp(t);
  const first = start();
  first.wishes.beginReplace();
  first.wishes.replace([gateway('web'), gateway('other')]);
  await eventually(() => server.patches.length === 8);
  await idle(first);
  await first.provisioner.stop();
  classes.delete('any');
  const second = start();
  second.wishes.beginReplace();
  second.wishes.replace([gateway('web')]);
  await eventually(() => server.watching === 5);
  await idle(second);
  t.same(server.deletes, []);
  classes.set('any', 'fleetgate');
  second.provisioner.observe('Gateway/shop/web', {});
  await eventually(() => server.deletes.length === 4);
  t.ok(server.deletes.every((path) => path.endsWith('other-fleetgate')));
});

void t.test('without ports it is not known what a data plane should be like: what there is stays', async (t) => {
  const { server, start, idle } = await setUp(t);
  const unknown = { ...dataPlane, ports: [] };
  const first = start();
  first.wishes.beginReplace();
  first.wishes.replace([gateway('web'), gateway('new', unknown)]);
  await eventually(() => server.patches.length === 4);
  await idle(first);
  first.wishes.wish(gateway('web', unknown));
  await idle(first);
  await first.provisioner.stop();
  const second = start();
  await eventually(() => server.watching === 5);
  second.wishes.beginReplace();
  second.wishes.replace([gateway('web', unknown)]);
  second.wishes.wish(gateway('other'));
  await eventually(() => server.objects.has(`${deployments}/other-fleetgate`));
  await idle(second);
  t.same([server.deletes, server.patches.length], [[], 8]);
  t.ok(server.objects.has(`${deployments}/web-fleetgate`));
  second.wishes.wish(gateway('web', null));
  await eventually(() => !server.objects.has(`${deployments}/web-fleetgate`));
});

void t.test("somebody else's object of the name is left alone, and named", async (t) => {
  const { server, problems, start } = await setUp(t);
  server.put('web-fleetgate', { type: 'ClusterIP' }, 'silently', '/api/v1/namespaces/shop/services');
  const started = start();
  started.wishes.beginReplace();
  started.wishes.replace([gateway('web')]);
  await eventually(() => problems.size === 1);
  t.match([...problems.values()], [/^Service\/shop\/web-fleetgate was made by somebody else/]);
  t.notOk(server.patches.some(({ path }) => path.includes('services/')));
});

void t.test('an API server that fails is tried again; one that forbids it is named', async (t) => {
  const { server, problems, start } = await setUp(t);
  server.patchAnswers.push(...Array.from({ length: 6 }, () => answerStatus(500, 'etcd is away')));
  const started = start();
  started.wishes.beginReplace();
  started.wishes.replace([gateway('web')]);
  await eventually(() => server.objects.size === 4);
  t.same([...problems], []);
  server.patchAnswers.push(...Array.from({ length: 4 }, () => answerStatus(403, 'deployments.apps is forbidden')));
  started.wishes.wish(gateway('second'));
  await eventually(() => problems.size === 1);
  t.match([...problems.values()], [/^the agent may not provide data planes: deployments.apps is forbidden/]);
});

void t.test('a class whose Gateways share one: in the namespace of the agent, with the ports of all', async (t) => {
  const { server, start } = await setUp(t);
  const started = start();
  const shared = { ...dataPlane, parameters: { ...dataPlane.parameters, replicas: 2, merge: 'class' as const } };
  started.wishes.beginReplace();
  started.wishes.replace([gateway('a', shared), gateway('b', { ...shared, ports: [{ port: 443, protocol: 'TCP' }] })]);
  await eventually(() => server.objects.size === 5);
  const service = server.patches.find(({ path }) => path.includes('/services/'));
  t.equal(service?.path, '/api/v1/namespaces/fleetgate-system/services/class-fleetgate');
  t.match(service?.body, { spec: { ports: [{ port: 80 }, { port: 443 }] } });
  t.match(service?.body, { metadata: { ownerReferences: [{ kind: 'GatewayClass', uid: 'uid-of-class' }] } });
});
