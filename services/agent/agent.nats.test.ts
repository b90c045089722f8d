// Runs an agent of a folder against a real nats-server that is killed and wiped. The history is folded from the
// stream with the fleet's own library; it answers the agent's questions from what it has folded.
import { rm, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { z } from 'zod';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { changeMessageId, heartbeatSubject, inventorySubject, resyncSubject } from '#libs/events/subjects.ts';
import { Fleet, evolve } from '#libs/fleet/fleet.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { type EmbeddedNats, startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { generateNodeKey, open } from '#libs/runtime/hpke.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { agentOptions } from './options.ts';
import { startAgent } from './agent.ts';
import { keyPair } from './testing/key-pair.ts';

const log = testLogger();
const nodeKey = generateNodeKey();
const heartbeat = z.object({ problems: z.array(z.string()) });

interface History {
  readonly fleet: Fleet;
  /** Every message of the stream in order, also those that say nothing new. */
  readonly messages: ChangeEvent[];
  /** Those that changed something. */
  readonly events: ChangeEvent[];
  readonly nats: Nats;
  begin(): Promise<void>;
}

async function openHistory(
  t: Test,
  url: string,
  options: { readonly refused?: string; readonly stream?: string } = {},
): Promise<History> {
  const nats = await connectNats({ url, name: 'history', log });
  t.teardown(() => nats.close());
  const fleet = new Fleet();
  const messages: ChangeEvent[] = [];
  const events: ChangeEvent[] = [];
  nats.subscribe(inventorySubject('eu'), (_json, reply) =>
    reply?.(
      options.refused === undefined
        ? { ...fleet.inventory('eu', undefined, 10_000), stream: options.stream }
        : { items: [], refused: options.refused },
    ),
  );
  const begin = async (): Promise<void> => {
    const { created } = await nats.ensureStream();
    nats.consume({
      startAfterSeq: 0,
      created,
      batchMax: 100,
      onLost: () => void eventually(() => begin().then(() => true)),
      onBatch: async (batch) => {
        for (const { data } of batch) fold(data);
      },
    });
  };
  const fold = (data: Uint8Array): void => {
    const parsed = parseChangeEvent(JSON.parse(new TextDecoder().decode(data)));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed));
    messages.push(parsed.value);
    if (evolve(fleet, parsed.value) !== undefined) events.push(parsed.value);
  };
  await begin();
  return { fleet, messages, events, nats, begin };
}

interface Setup {
  readonly folder: string;
  readonly server: EmbeddedNats;
  readonly dataDir: string;
  readonly startAgent: (flags?: object) => Promise<Awaited<ReturnType<typeof startAgent>>>;
}

async function setUp(t: Test): Promise<Setup> {
  const [folder, dataDir, data] = [await throwawayFolder(t), await throwawayFolder(t), await throwawayFolder(t)];
  const server = await startNats({ dataDir, log });
  t.teardown(() => server.stop());
  const flags = { cluster: 'eu', folder, data, natsUrl: server.url, port: '0', nodePublicKey: nodeKey.publicKey };
  return {
    folder,
    server,
    dataDir,
    async startAgent(more = {}) {
      const agent = await startAgent(
        readOptions(agentOptions, { ...flags, ...more }, {}),
        log,
        new AbortController().signal,
      );
      t.teardown(() => agent.stop().catch(() => undefined));
      return agent;
    },
  };
}

async function writeRoute(folder: string, name: string, host: string): Promise<void> {
  const temporary = join(folder, `.${name}`);
  await writeFile(
    temporary,
    `{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: ${name}, namespace: shop}, ` +
      `spec: {hostnames: [${host}]}}`,
  );
  await rename(temporary, join(folder, `${name}.yaml`));
}

function hostOf({ fleet }: History, name: string): string | undefined {
  const spec = fleet.get('eu', 'HTTPRoute', 'shop', name)?.object['spec'];
  return spec === undefined ? undefined : JSON.stringify(spec);
}

async function isReady(port: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
}

void t.test('everything there is, then every change; a restart repeats nothing and finds what it missed', async (t) => {
  const { folder, server, startAgent } = await setUp(t);
  await writeRoute(folder, 'a', 'one.test');
  await writeRoute(folder, 'b', 'one.test');
  const history = await openHistory(t, server.url);
  const first = await startAgent();
  await eventually(() => isReady(first.port));
  await eventually(() => history.events.length === 3);
  t.same(history.events.map(({ kind, name, via }) => `${kind} ${name} ${via}`).toSorted(), [
    'HTTPRoute a relist',
    'HTTPRoute b relist',
    'Namespace shop relist',
  ]);
  await writeRoute(folder, 'a', 'two.test');
  await eventually(() => hostOf(history, 'a')?.includes('two'));
  t.match(history.events.at(-1), { via: 'watch', actor: { manager: /^folder\//, operation: 'Update' } });
  // The history may see an event before its confirmation reaches the agent.
  await eventually(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${first.port}/metrics`)).text();
    return /fleetgate_agent_events_published_total\{type="applied",via="watch",service="agent",cluster="eu"\} 1/.test(
      metrics,
    );
  });
  await first.stop();
  await writeRoute(folder, 'b', 'changed-meanwhile.test');
  await rm(join(folder, 'a.yaml'));
  await startAgent();
  await eventually(() => history.messages.length === 6);
  t.same(
    history.messages
      .slice(4)
      .map(({ type, name, via }) => `${type} ${name} ${via}`)
      .toSorted(),
    ['applied b relist', 'deleted a relist'],
  );
  t.equal(history.events.length, history.messages.length, 'no message said what was known');
  t.equal(new Set(history.messages.map(changeMessageId)).size, history.messages.length);
});

void t.test('NATS killed while the folder changes: nothing is lost, nothing doubled', async (t) => {
  const { folder, server, startAgent } = await setUp(t);
  const history = await openHistory(t, server.url);
  for (let i = 0; i < 10; i++) await writeRoute(folder, `r${i}`, 'h0.test');
  await startAgent();
  await eventually(() => history.events.length === 11);
  for (let round = 1; round <= 3; round++) {
    const { pid } = server;
    if (pid !== undefined) signalProcess(pid, 'SIGKILL');
    for (let i = 0; i < 10; i++) await writeRoute(folder, `r${i}`, `h${round}-${i}.test`);
    await rm(join(folder, `r${round}.yaml`));
    await eventually(() => server.pid !== undefined && server.pid !== pid);
    await eventually(() => hostOf(history, `r${round}`) === undefined);
    for (let i = 0; i < 10; i++) {
      if (i !== round) await eventually(() => hostOf(history, `r${i}`)?.includes(`h${round}-${i}.test`));
    }
  }
  t.equal(new Set(history.events.map(changeMessageId)).size, history.events.length);
  for (let i = 0; i < 10; i++) {
    const hosts = history.events
      .filter(({ name, type }) => name === `r${i}` && type === 'applied')
      .map(({ hash }) => hash);
    t.ok(
      hosts.every((hash, index) => hash !== hosts[index - 1]),
      `r${i}: each event is a change`,
    );
  }
});

void t.test('the stream lost whole: asked to compare, the agent tells everything again', async (t) => {
  const { folder, server, startAgent } = await setUp(t);
  for (let i = 0; i < 5; i++) await writeRoute(folder, `r${i}`, 'h.test');
  const lost = await openHistory(t, server.url);
  await startAgent();
  await eventually(() => lost.events.length === 6);
  const fresh = await openHistory(t, server.url);
  await lost.nats.close();
  await eventually(() => fresh.messages.length === 6);
  fresh.messages.length = 0;
  for (const known of fresh.fleet.inventory('eu', undefined, 3).items) {
    const [kind = '', namespace = '', name = ''] = known.key.split('/');
    fresh.fleet.remove('eu', kind, namespace, name);
  }
  fresh.nats.publish(resyncSubject, {});
  await eventually(() => fresh.messages.length === 3);
  t.ok(fresh.messages.every(({ via }) => via === 'relist'));
  t.equal(fresh.fleet.inventory('eu', undefined, 100).items.length, 6);
});

void t.test(
  'a projector that reads another stream than at the last comparison is told again what it lacks',
  async (t) => {
    const { folder, server, startAgent } = await setUp(t);
    for (let i = 0; i < 3; i++) await writeRoute(folder, `r${i}`, 'h.test');
    const history = await openHistory(t, server.url, { stream: 'first' });
    await startAgent();
    await eventually(() => history.events.length === 4);
    for (const name of ['r0', 'r1']) history.fleet.remove('eu', 'HTTPRoute', 'shop', name);
    history.nats.publish(resyncSubject, { stream: 'first' });
    await writeRoute(folder, 'r2', 'changed.test');
    await eventually(() => history.messages.length === 5);
    history.nats.publish(resyncSubject, { stream: 'second' });
    await eventually(() => history.messages.length === 7);
    t.same(
      history.messages
        .slice(4)
        .map(({ name, via }) => `${name} ${via}`)
        .toSorted(),
      ['r0 relist', 'r1 relist', 'r2 watch'],
    );
  },
);

void t.test('an object that is too large, or too deep, is named until it is mended, and stops nothing', async (t) => {
  const { folder, server, startAgent } = await setUp(t);
  const history = await openHistory(t, server.url);
  const problems: string[] = [];
  history.nats.subscribe(heartbeatSubject('eu'), (json) => {
    problems.splice(0, problems.length, ...heartbeat.parse(json).problems);
  });
  const about = '{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {namespace: shop, name: ';
  const deep = `${'['.repeat(150)}${']'.repeat(150)}`;
  await writeFile(join(folder, 'large.yaml'), `${about}large, annotations: {a: ${'x'.repeat(9_000_000)}}}}`);
  await writeFile(join(folder, 'deep.yaml'), `${about}deep}, spec: {rules: ${deep}}}`);
  await writeRoute(folder, 'a', 'one.test');
  const agent = await startAgent();
  await eventually(() => isReady(agent.port));
  await eventually(() => hostOf(history, 'a')?.includes('one'));
  await eventually(() => problems.length === 2);
  t.match(problems.toSorted(), [
    /^HTTPRoute shop\/large is too large/,
    /^HTTPRoute\/shop\/deep is not taken: it is nested deeper/,
  ]);
  await writeRoute(folder, 'large', 'two.test');
  await writeRoute(folder, 'deep', 'two.test');
  await eventually(() => hostOf(history, 'large')?.includes('two') && hostOf(history, 'deep')?.includes('two'));
  await eventually(() => problems.length === 0);
});

void t.test('a cluster whose name belongs to another one is refused for good', async (t) => {
  const { server, startAgent } = await setUp(t);
  await openHistory(t, server.url, { refused: 'the name eu belongs to the cluster with the UID 1' });
  const agent = await startAgent();
  await t.rejects(agent.done, { code: 'cluster-refused', message: /belongs to the cluster/, hint: /--cluster/ });
});

function gateway(refs: readonly object[]): string {
  return JSON.stringify({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'Gateway',
    metadata: { name: 'g', namespace: 'shop' },
    spec: { gatewayClassName: 'x', listeners: [{ name: 'https', tls: { certificateRefs: refs } }] },
  });
}

void t.test('TLS material is sealed, also for another key of the fleet; a key is nowhere else', async (t) => {
  const { folder, server, startAgent } = await setUp(t);
  const history = await openHistory(t, server.url);
  const pair = keyPair('shop.example.com');
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: 's', namespace: 'shop' },
    stringData: { 'tls.crt': pair.certificate, 'tls.key': pair.key },
  };
  await writeFile(join(folder, 's.json'), JSON.stringify(secret));
  await writeFile(join(folder, 'g.json'), gateway([{ name: 's' }]));
  const first = await startAgent();
  const event = await eventually(() => history.messages.find(({ kind }) => kind === 'Secret'));
  t.match(event.object?.['summary'], { type: 'kubernetes.io/tls', certificate: { dnsNames: ['shop.example.com'] } });
  const opened = event.sealed && (await open([nodeKey.privateKey], event.sealed, 'eu/shop/s'));
  t.match(JSON.parse(new TextDecoder().decode(opened)), {
    key: /^-----BEGIN PRIVATE KEY-----/,
    certificate: pair.certificate,
  });
  t.notMatch(JSON.stringify(history.messages), /PRIVATE KEY|tls\.key|"data"/);
  await writeFile(join(folder, 'g.json'), gateway([]));
  await eventually(() => history.messages.some(({ kind, type }) => kind === 'Secret' && type === 'deleted'));
  await writeFile(join(folder, 'g.json'), gateway([{ name: 's' }]));
  await eventually(() => history.fleet.get('eu', 'Secret', 'shop', 's'));
  t.equal(history.messages.filter(({ kind }) => kind === 'Secret').length, 3, 'named again, it is told again');
  await first.stop();
  const newKey = generateNodeKey();
  await startAgent({ nodePublicKey: newKey.publicKey });
  const resealed = await eventually(() => history.messages.filter(({ kind }) => kind === 'Secret')[3]);
  t.ok(resealed.sealed && (await open([newKey.privateKey], resealed.sealed, 'eu/shop/s')), 'sealed to the new key');
});
