// Tests a node with a real Envoy and a hub that the test drives: what it applies answers requests, what it rejects
// changes nothing.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Applied, Held, Rejected } from '#libs/protocol/messages.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { listenFor } from '#libs/testing/peers/listening.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';
import type { XdsChange, XdsResource } from '#libs/xds/envoy/resources.ts';
import type { Compiler } from './data-plane.ts';
import type { RunningProxy } from './proxy.ts';
import { backend, endpoints, listener, route } from './testing/content.ts';
import { envoyPid, type NodeUnderTest, prepareNode, runNode } from './testing/node-driver.ts';
import { ask, startTraffic, startUpstream, takesConnections, type Upstream } from './testing/traffic.ts';

const gateway = 'eu/default/web';

void t.test('applied means that requests are answered by it', async (t) => {
  const { node, one, two } = await startServing(t);
  const { hub, port } = node;
  t.equal(await ask(port, 'a.example.com'), '200 one');
  t.equal(await ask(port, 'b.example.com'), '404 ');

  await t.test('a delta: a route more, a route that moves, a route less', async (t) => {
    await applied(t, hub.publish(gateway, route('b', 'b.example.com', 'two')), node);
    t.equal(await ask(port, 'b.example.com'), '200 two');
    await applied(t, hub.publish(gateway, route('b', 'b.example.com', 'one')), node);
    t.equal(await ask(port, 'b.example.com'), '200 one');
    await applied(t, hub.publish(gateway, { 'rule/HTTPRoute/default/b/0': null }), node);
    t.equal(await ask(port, 'b.example.com'), '404 ');
  });

  await t.test('a digest that does not fit: the whole is asked for', async (t) => {
    let altered = 0;
    hub.alter = (message) => {
      if (message.type !== 'snapshot' || message.base === null) return message;
      altered++;
      return { ...message, upserts: [] };
    };
    const held = hub.publish(gateway, route('b', 'b.example.com', 'two'));
    await applied(t, held, node);
    hub.alter = (message) => message;
    t.equal(altered, 1);
    t.match(hub.heard.filter(({ type }) => type === 'resend').length, 1);
    t.equal(await ask(port, 'b.example.com'), '200 two');
  });

  await t.test('endpoints follow without a version', async (t) => {
    const answers = hub.heard.length;
    hub.discover(endpoints('one', [two.port]));
    await eventually(async () => (await ask(port, 'a.example.com')) === '200 two');
    hub.discover(endpoints('one', []));
    await eventually(async () => (await ask(port, 'a.example.com')).startsWith('503'));
    hub.discover(endpoints('one', [one.port]));
    await eventually(async () => (await ask(port, 'a.example.com')) === '200 one');
    t.equal(hub.heard.slice(answers).filter(({ type }) => type === 'applied').length, 0);
  });

  await t.test('the last listener goes and comes back, with routes and without', async (t) => {
    const routes = Object.keys(route('a', 'a.example.com', 'one'));
    const [name = ''] = Object.keys(listener(port));
    await applied(t, hub.publish(gateway, { [name]: null }), node);
    await eventually(async () => !(await takesConnections(port)));
    await applied(t, hub.publish(gateway, listener(port)), node);
    t.equal(await ask(port, 'a.example.com'), '200 one');
    await applied(t, hub.publish(gateway, Object.fromEntries([name, ...routes].map((key) => [key, null]))), node);
    await applied(t, hub.publish(gateway, listener(port)), node);
    t.equal(await ask(port, 'a.example.com'), '404 ');
    await applied(t, hub.publish(gateway, route('a', 'a.example.com', 'one')), node);
    t.equal(await ask(port, 'a.example.com'), '200 one');
  });
});

void t.test('backends and gateways come and go', async (t) => {
  const { node, one, two } = await startServing(t);
  const { hub, port } = node;

  await t.test('new backends are warm before routes lead to them, under traffic', async (t) => {
    const traffic = startTraffic(port, 'a.example.com', ['200 one', '200 two']);
    for (let i = 0; i < 20; i++) {
      const service = `svc-${i}`;
      hub.discover(endpoints(service, [i % 2 === 0 ? one.port : two.port]));
      const gone = i === 0 ? {} : { [`backend/eu/default/svc-${i - 1}/80`]: null };
      await applied(
        t,
        hub.publish(gateway, { ...backend(service), ...route('a', 'a.example.com', service), ...gone }),
        node,
      );
      t.equal(await ask(port, 'a.example.com'), i % 2 === 0 ? '200 one' : '200 two');
    }
    await traffic.stop();
    t.same(traffic.wrong, []);
    t.ok(traffic.count > 20);
  });

  await t.test('a gateway that is deleted closes its listener, and may come back', async (t) => {
    await applied(t, hub.publish(gateway, route('b', 'b.example.com', 'two')), node);
    const entries = [...keysOf(listener(port)), 'rule/HTTPRoute/default/a/0', 'rule/HTTPRoute/default/b/0'];
    await applied(t, hub.publish(gateway, Object.fromEntries(entries.map((key) => [key, null]))), node);
    t.equal(await takesConnections(port), false);
    await applied(t, hub.publish(gateway, { ...listener(port), ...route('a', 'a.example.com', 'two') }), node);
    t.equal(await ask(port, 'a.example.com'), '200 two');
  });
});

void t.test('rejected: what served before serves, and Envoy’s reasons are told', async (t) => {
  const { node, two } = await startServing(t, { createCompiler });
  const { hub, port } = node;
  const traffic = startTraffic(port, 'a.example.com', ['200 one']);
  const cases: Record<string, Readonly<Record<string, Entry | null>>> = {
    'a scope that Envoy refuses': route('p', 'poison-scope.example.com', 'two'),
    'a cluster that Envoy refuses': { ...backend('poison-cluster'), ...route('p', 'p.example.com', 'poison-cluster') },
    'a compiler that throws': route('p', 'poison-compiler.example.com', 'two'),
    'a message that cannot be encoded': route('p', 'poison-encoding.example.com', 'two'),
  };
  hub.discover(endpoints('poison-cluster', [two.port]));
  for (const [name, changes] of Object.entries(cases)) {
    const serving = hub.serving(gateway);
    const bad = hub.publish(gateway, { ...changes, ...route('a', 'a.example.com', 'two') });
    const message = await hub.answer(bad);
    t.match(message, { type: 'rejected', serving: serving?.version === 1 ? serving : Object }, name);
    if (message.type === 'rejected') t.ok(message.reasons.join().length > 10, message.reasons.join());
    t.equal(await ask(port, 'a.example.com'), '200 one', name);
    const back = Object.fromEntries(Object.keys(changes).map((key) => [key, null]));
    await applied(t, hub.publish(gateway, { ...back, ...route('a', 'a.example.com', 'one') }), node);
  }

  await t.test('a port that is taken', async (t) => {
    const taken = await listenFor(t, createServer());
    const message = await hub.answer(hub.publish(gateway, listener(taken, { name: 'other' })));
    t.match(message, { type: 'rejected' });
    t.match(JSON.stringify(message), /bind|in use/i);
    await applied(t, hub.publish(gateway, { 'listener/other': null }), node);
  });
  await traffic.stop();
  t.same(traffic.wrong, []);
});

void t.test(
  'several gateways: one that is rejected holds up no other; of a burst only the newest counts',
  async (t) => {
    const { node, one } = await startServing(t, { createCompiler });
    const { hub, port } = node;
    const other = 'eu/default/other';
    hub.discover(endpoints('one', [one.port]));
    const hosts = [{ listener: 'http', hostname: 'other.example.com' }];
    const bad = { ...listener(port), ...backend('one'), ...route('o', 'poison-scope.example.com', 'one') };
    t.match(await hub.answer(hub.publish(other, bad)), { type: 'rejected', serving: null });
    await applied(t, hub.publish(gateway, route('a', 'a.example.com', 'two')), node);
    await applied(t, hub.publish(other, route('o', 'other.example.com', 'one', { hosts })), node);
    t.equal(await ask(port, 'a.example.com'), '200 two');
    t.equal(await ask(port, 'other.example.com'), '200 one', 'two gateways share a port');

    const pid = await envoyPid(node.data);
    process.kill(pid, 'SIGSTOP');
    const before = hub.heard.length;
    let newest = hub.publish(gateway, route('a', 'a.example.com', 'one'));
    for (let i = 0; i < 50; i++)
      newest = hub.publish(gateway, route('a', 'a.example.com', i % 2 === 0 ? 'one' : 'two'));
    process.kill(pid, 'SIGCONT');
    await applied(t, newest, node);
    t.equal(await ask(port, 'a.example.com'), '200 two');
    t.ok(hub.heard.slice(before).filter(({ type }) => type === 'applied').length <= 3);
  },
);

void t.test('an Envoy that does not answer in time: the way back is taken when it does', async (t) => {
  const { node } = await startServing(t, {}, { activationDeadline: '300ms' });
  const { hub, port } = node;
  const pid = await envoyPid(node.data);
  process.kill(pid, 'SIGSTOP');
  const two = hub.publish(gateway, route('a', 'a.example.com', 'two'));
  const message = await hub.answer(two);
  process.kill(pid, 'SIGCONT');
  t.match(message, { type: 'rejected', reasons: [/within 300 ms/] });
  await eventually(async () => (await ask(port, 'a.example.com')) === '200 one');
  await applied(t, hub.publish(gateway, route('b', 'b.example.com', 'two')), node);
  t.equal(await ask(port, 'b.example.com'), '200 two');
});

void t.test(
  'kill -9 of Envoy: it comes back with everything; what is published meanwhile is applied then',
  async (t) => {
    const { node } = await startServing(t);
    const { hub, port } = node;
    for (let i = 0; i < 3; i++) {
      process.kill(await envoyPid(node.data), 'SIGKILL');
      const service = i % 2 === 0 ? 'two' : 'one';
      await applied(t, hub.publish(gateway, route('a', 'a.example.com', service)), node);
      t.equal(await ask(port, 'a.example.com'), `200 ${service}`);
    }
  },
);

void t.test('metrics: the node on every series, and no gauge of a gateway that is deleted', async (t) => {
  const { node } = await startServing(t);
  const metrics = (): Promise<string> => ask(node.healthPort, 'localhost', '/metrics');
  const text = await metrics();
  t.match(text, `fleetgate_node_gateway_version{gateway="${gateway}",service="proxy",node="node-1"} 1`);
  t.match(text, /^process_cpu_seconds_total\{service="proxy",node="node-1"\}/mu);
  const series = text.split('\n').filter((line) => /^\w+\{/u.test(line));
  t.strictSame(
    series.filter((line) => !line.includes('node="node-1"')),
    [],
  );
  const all = { ...listener(node.port), ...backend('one'), ...backend('two'), ...route('a', 'a.example.com', 'one') };
  const none = Object.fromEntries(keysOf(all).map((key) => [key, null]));
  await applied(t, node.hub.publish(gateway, none), node);
  t.notMatch(await metrics(), /node_gateway_version\{/u);
  await applied(t, node.hub.publish(gateway, all), node);
  t.match(await metrics(), /node_gateway_version\{[^}]*\} 3/u);
  t.equal(await ask(node.port, 'a.example.com'), '200 one');
});

void t.test('readiness: Envoy lives and serves, or there is nothing to serve', async (t) => {
  const node = await prepareNode(t);
  await node.hub.stop();
  await runNode(t, node);
  const ready = (): Promise<string> => ask(node.healthPort, 'localhost', '/readyz');
  await eventually(async () => (await ready()).includes('no snapshot is served'));
  await node.hub.start();
  await eventually(async () => (await ready()).startsWith('200'));
  process.kill(await envoyPid(node.data), 'SIGKILL');
  await eventually(async () => (await ready()).includes('Envoy is not live'));
  await eventually(async () => (await ready()).startsWith('200'));
  t.match(await ask(node.healthPort, 'localhost', '/metrics'), /fleetgate_node_envoy_exits_total\{[^}]*\} 1/);

  const taken = await listenFor(t, createServer());
  t.match(await node.hub.answer(node.hub.publish(gateway, listener(taken))), { type: 'rejected' });
  t.match(await ready(), /no snapshot is served/, 'one that was rejected is not none');
});

void t.test('saved content that Envoy does not take any more: the rest serves, and it is said', async (t) => {
  const { node, running } = await startServing(t);
  const { hub, port } = node;
  await applied(t, hub.publish(gateway, route('p', 'poison-scope.example.com', 'two')), node);
  await running.stop();
  await runNode(t, node, { createCompiler });
  await eventually(async () => (await ask(port, 'a.example.com')) === '200 one');
  const ready = (): Promise<string> => ask(node.healthPort, 'localhost', '/readyz');
  await eventually(async () => (await ready()).includes('does not take all of the saved snapshots'));
  await applied(t, hub.publish(gateway, { 'rule/HTTPRoute/default/p/0': null }), node);
  await eventually(async () => (await ready()).startsWith('200'));
});

void t.test(
  'nobody can ask before what is saved can be given: an adopted Envoy would lose all that it has',
  async (t) => {
    const { node, running } = await startServing(t);
    await running.stop();
    const socket = join(node.data, 'run', 'ads.sock');
    t.notOk(existsSync(socket));
    const couldAsk: boolean[] = [];
    await runNode(t, node, {
      createCompiler: () => {
        couldAsk.push(existsSync(socket));
        return new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
      },
    });
    t.same(couldAsk, [false, false], 'at the start, and when the saved content is compiled');
    await eventually(async () => (await ask(node.port, 'a.example.com')) === '200 one');
  },
);

async function startServing(
  t: Test,
  parts: { readonly createCompiler?: () => Compiler } = {},
  flags: Readonly<Record<string, string>> = {},
): Promise<{
  readonly node: NodeUnderTest;
  readonly running: RunningProxy;
  readonly one: Upstream;
  readonly two: Upstream;
}> {
  const [one, two] = await Promise.all([startUpstream('one'), startUpstream('two')]);
  t.teardown(() => Promise.all([one.stop(), two.stop()]));
  const node = await prepareNode(t, flags);
  const { hub, port } = node;
  hub.discover({ ...endpoints('one', [one.port]), ...endpoints('two', [two.port]) });
  const first = { ...listener(port), ...backend('one'), ...backend('two'), ...route('a', 'a.example.com', 'one') };
  const held = hub.publish(gateway, first);
  const running = await runNode(t, node, parts);
  await applied(t, held, node);
  return { node, running, one, two };
}

async function applied(t: Test, held: Held, { hub }: NodeUnderTest): Promise<Applied | Rejected> {
  const message = await hub.answer(held);
  if (message.type !== 'applied') t.fail(`version ${held.version}: ${JSON.stringify(message)}`);
  return message;
}

function keysOf(entries: Readonly<Record<string, Entry>>): readonly string[] {
  return Object.keys(entries);
}

/** The real compiler, but what has poison in its name comes out so that Envoy cannot take it. */
function createCompiler(): Compiler {
  const compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
  return {
    setSnapshot(gateway, upserts, removes) {
      const entries = [...upserts];
      compiler.setSnapshot(gateway, entries, removes);
      if (JSON.stringify(entries).includes('poison-compiler')) throw new Error('the compiler met its poison');
    },
    setDiscovery: (upserts, removes) => compiler.setDiscovery(upserts, removes),
    flush(): XdsChange {
      const { upserts, removes } = compiler.flush();
      return { upserts: upserts.map(poison), removes };
    },
    tables() {
      const { scope, ...others } = compiler.tables();
      return { ...others, scope: new Map([...scope].map(([name, resource]) => [name, poison(resource)])) };
    },
    problems: () => compiler.problems(),
  };
}

function poison(resource: XdsResource): XdsResource {
  const text = JSON.stringify(resource.message);
  if (resource.type === 'scope' && text.includes('poison-scope'))
    return { ...resource, message: { name: resource.name } };
  if (resource.type === 'cluster' && text.includes('poison-cluster'))
    return { ...resource, message: { ...resource.message, lb_policy: 'CLUSTER_PROVIDED' } };
  if (text.includes('poison-encoding')) return { ...resource, message: { ...resource.message, no_such_field: 1 } };
  return resource;
}
