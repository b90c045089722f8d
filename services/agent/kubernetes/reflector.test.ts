import t, { type Test } from 'tap';
import type { ApiClient } from './api-client.ts';
import { MisbehavingApiServer, answerStatus } from '../testing/misbehaving-api-server.ts';
import { type ReflectedChange, type Reflector, startReflector } from './reflector.ts';
import type { ReflectorTiming } from './timing.ts';

interface Run {
  readonly server: MisbehavingApiServer;
  readonly client: ApiClient;
  readonly reflector: Reflector;
  /** `+name spec via` and `-name via`, in order. */
  readonly changes: string[];
  readonly problems: (string | null)[];
  readonly restarts: string[];
  readonly listed: () => number;
  readonly missing: () => number;
}

const quick: Partial<ReflectorTiming> = {
  backoffMs: () => 5,
  settleMs: 5,
  relistMs: () => 3_600_000,
};

const collection = { path: '/apis/g/v1/things' };

async function begin(
  t: Test,
  options: {
    readonly prepare?: (server: MisbehavingApiServer) => void;
    readonly timing?: Partial<ReflectorTiming>;
    readonly onChange?: (change: ReflectedChange) => void | Promise<void>;
    readonly wait?: 'watching' | 'no';
  } = {},
): Promise<Run> {
  const server = new MisbehavingApiServer();
  const client = await server.start();
  options.prepare?.(server);
  const changes: string[] = [];
  const problems: (string | null)[] = [];
  const restarts: string[] = [];
  let [listed, missing] = [0, 0];
  const reflector = startReflector({
    client,
    collection,
    apiVersion: 'g/v1',
    kind: 'Thing',
    onChange: (change) => {
      changes.push(describe(change));
      return options.onChange?.(change);
    },
    onListed: () => (listed += 1),
    onMissing: () => (missing += 1),
    onProblem: (problem) => problems.push(problem?.sentence ?? null),
    onRestart: (why) => restarts.push(why),
    timing: { ...quick, ...options.timing },
  });
  t.teardown(async () => {
    await reflector.stop();
    await client.close();
    await server.stop();
  });
  if (options.wait !== 'no') await until(() => server.watching === 1);
  return { server, client, reflector, changes, problems, restarts, listed: () => listed, missing: () => missing };
}

function describe(change: ReflectedChange): string {
  return change.type === 'applied'
    ? `+${change.object.metadata.name} ${JSON.stringify(change.object['spec'])} ${change.via}`
    : `-${change.name} ${change.via}`;
}

/** Ends with tap's timeout when it never comes true. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 2));
}

function closeAtOnce(server: MisbehavingApiServer): void {
  for (let i = 0; i < 8; i++) server.watchAnswers.push((_request, response) => response.end());
}

function fill(server: MisbehavingApiServer, count: number): void {
  for (let i = 0; i < count; i++) server.put(`o${i}`, i, 'silently');
}

void t.test('lists in pages, then watches from the version of the list, with bookmarks and a timeout', async (t) => {
  const { server, changes, listed, problems } = await begin(t, { prepare: (server) => fill(server, 1203) });
  t.equal(changes.length, 1203);
  t.strictSame(
    server.lists.map((query) => [query.get('limit'), query.get('continue')]),
    [
      ['500', null],
      ['500', '500'],
      ['500', '1000'],
    ],
  );
  t.equal(listed(), 1);
  const [watch] = server.watches;
  t.equal(watch?.get('resourceVersion'), String(server.version));
  t.equal(watch?.get('allowWatchBookmarks'), 'true');
  const timeout = Number(watch?.get('timeoutSeconds'));
  t.ok(timeout >= 280 && timeout <= 300, `timeoutSeconds=${timeout}`);
  server.put('o1', 'changed');
  server.put('new', 1);
  server.remove('o2');
  await until(() => changes.length === 1206);
  t.strictSame(changes.slice(1203), ['+o1 "changed" watch', '+new 1 watch', '-o2 watch']);
  t.strictSame(problems, [null]);
});

void t.test('a closed watch goes on at the last version, which bookmarks advance', async (t) => {
  const { server, changes, restarts } = await begin(t, { timing: { shortWatchMs: 0 } });
  server.put('a', 1);
  server.bookmark();
  await until(() => changes.length === 1);
  const version = String(server.version);
  server.closeWatches('cleanly');
  await until(() => server.watches.length === 2);
  t.equal(server.watches[1]?.get('resourceVersion'), version);
  t.equal(server.lists.length, 1);
  t.strictSame(restarts, ['closed']);
});

void t.test('410 on open, and 410 in the stream, list again; what vanished meanwhile is reported', async (t) => {
  const run = await begin(t, { prepare: (server) => fill(server, 3) });
  const { server, changes, restarts } = run;
  server.put('o1', 'changed', 'silently');
  server.remove('o2', 'silently');
  server.watchAnswers.push(answerStatus(410, 'too old resource version'));
  server.closeWatches('by reset');
  await until(() => run.listed() === 2 && server.watching === 1);
  t.strictSame(changes.slice(3), ['+o1 "changed" relist', '-o2 relist']);
  t.ok(restarts.includes('expired'));
  server.remove('o0', 'silently');
  server.send({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old resource version: 1 (2)' } });
  await until(() => run.listed() === 3);
  t.strictSame(changes.slice(5), ['-o0 relist']);
});

void t.test('what is to be read again is reported as it reads now, whatever its resourceVersion', async (t) => {
  const { server, changes, reflector, restarts } = await begin(t, { prepare: (server) => fill(server, 3) });
  changes.length = 0;
  server.reread('o1', 'with a default');
  reflector.reread();
  await until(() => changes.length === 3);
  t.strictSame(changes, ['+o0 0 relist', '+o1 "with a default" relist', '+o2 2 relist']);
  t.strictSame(restarts, [], 'and the watch goes on');
  server.put('o2', 'changed');
  await until(() => changes.length === 4);
  t.equal(changes[3], '+o2 "changed" watch');
});

void t.test('what was to be read again is, though the list fails and the watch ends meanwhile', async (t) => {
  const run = await begin(t, { prepare: (server) => fill(server, 2), timing: { settleMs: 20 } });
  const { server, changes, reflector } = run;
  changes.length = 0;
  server.reread('o1', 'with a default');
  server.listAnswers.push(answerStatus(500, 'not now'), (request, response) => {
    server.closeWatches('by reset');
    server.list(new URL(request.url ?? '', 'http://test').searchParams, response);
  });
  reflector.reread();
  await until(() => changes.length === 2);
  t.strictSame(changes, ['+o0 0 relist', '+o1 "with a default" relist']);
});

void t.test('any other end is followed by a watch from the last version', async (t) => {
  const cases: Readonly<Record<string, (server: MisbehavingApiServer) => void>> = {
    'ERROR status in the stream': (server) =>
      server.send({ type: 'ERROR', object: { kind: 'Status', code: 500, message: 'etcd is away' } }),
    'TCP reset': (server) => server.closeWatches('by reset'),
    'HTTP 500 on the next open': (server) => {
      server.watchAnswers.push(answerStatus(500, 'internal'), answerStatus(503, 'busy', { 'retry-after': '0' }));
      server.closeWatches('cleanly');
    },
    'a line of garbage': (server) => server.sendText('{"type": "ADD\n'),
    'an event of an unknown type': (server) => server.send({ type: 'PATCHED', object: {} }),
    'an end in the middle of a line': (server) => {
      server.sendText('{"type":"ADDED","obj');
      server.closeWatches('cleanly');
    },
  };
  for (const [name, misbehave] of Object.entries(cases)) {
    await t.test(name, async (t) => {
      const { server, changes } = await begin(t, { prepare: (server) => fill(server, 1) });
      server.put('before', 1);
      await until(() => changes.length === 2);
      misbehave(server);
      server.put('after', 2);
      await until(() => changes.includes('+after 2 watch'));
      t.equal(server.lists.length, 1, 'no list was needed');
      t.equal(changes.length, 3, 'nothing came twice');
    });
  }
});

void t.test('silence longer than the server may be silent ends the watch', async (t) => {
  const { server, changes, problems } = await begin(t, {
    timing: { silenceMs: (_seconds, hasBookmarks) => (hasBookmarks ? 3_600_000 : 50) },
  });
  await until(() => server.watches.length >= 4);
  t.match(
    problems.find((problem) => problem !== null),
    /cannot be watched: nothing came for 50 ms/,
  );
  await until(() => server.watching === 1);
  server.bookmark();
  server.put('a', 1);
  await until(() => changes.length === 1);
});

void t.test('a server that closes watches at once, cleanly, without 410, is listed again', async (t) => {
  const run = await begin(t, { wait: 'no', prepare: closeAtOnce });
  const { server, changes } = run;
  await until(() => run.listed() >= 1);
  server.put('missed', 1, 'silently');
  await until(() => changes.length === 1);
  t.ok(run.listed() >= 2);
  t.ok(run.restarts.includes('closed at once'));
});

void t.test('a list that fails is tried again for ever, and says so', async (t) => {
  const { server, changes, problems } = await begin(t, {
    prepare: (server) => {
      fill(server, 1);
      for (let i = 0; i < 4; i++) server.listAnswers.push(answerStatus(403, 'things is forbidden'));
      server.listAnswers.push((request) => request.socket.resetAndDestroy());
      server.listAnswers.push((_request, response) => response.end('<html>'));
    },
  });
  t.equal(server.lists.length, 7);
  t.strictSame(changes, ['+o0 0 relist']);
  t.match(problems[0], /cannot be listed: things is forbidden/);
  // The server sees the watch before the reflector sees its answer.
  await until(() => problems.at(-1) === null);
});

void t.test('a continue token that expired begins the list again', async (t) => {
  const { changes, server } = await begin(t, {
    prepare: (server) => {
      fill(server, 700);
      server.listAnswers.push((_request, response) => server.list(new URLSearchParams({ limit: '500' }), response));
      server.listAnswers.push(answerStatus(410, 'the provided continue parameter is too old'));
    },
  });
  t.equal(changes.length, 700);
  t.equal(server.lists.at(-1)?.get('limit'), null);
});

void t.test('the periodic list finds what the watch missed and makes the watch anew', async (t) => {
  const run = await begin(t, { prepare: (server) => fill(server, 3), timing: { relistMs: () => 30 } });
  const { server, changes, restarts } = run;
  await until(() => run.listed() >= 3);
  t.equal(changes.length, 3, 'nothing differs, nothing is reported');
  t.equal(server.watches.length, 1, 'and the watch goes on');
  server.put('o0', 'missed', 'silently');
  server.remove('o1', 'silently');
  await until(() => server.watches.length >= 2);
  t.strictSame(changes.slice(3), ['+o0 "missed" relist', '-o1 relist']);
  t.ok(restarts.includes('missed events'));
  server.version = 5;
  await until(() => server.watches.at(-1)?.get('resourceVersion') === '5');
  t.pass('a server that was restored from a backup is believed');
});

void t.test('a collection that is gone ends the reflector; its objects can be forgotten', async (t) => {
  const run = await begin(t, { prepare: (server) => fill(server, 2) });
  run.server.failing.set(collection.path, 404);
  run.server.closeWatches('cleanly');
  await until(() => run.missing() === 1);
  await run.reflector.forget();
  t.strictSame(run.changes.slice(2), ['-o0 relist', '-o1 relist']);
});

void t.test('changes are awaited, in order', async (t) => {
  let running = 0;
  const { server, changes } = await begin(t, {
    onChange: async () => {
      t.equal(++running, 1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    },
  });
  for (let i = 0; i < 50; i++) server.put('a', i);
  await until(() => changes.length === 50);
  t.strictSame(
    changes,
    Array.from({ length: 50 }, (_, i) => `+a ${i} watch`),
  );
});

void t.test('stopping during a list, during a watch and during a wait leaves no connection', async (t) => {
  const listing = await begin(t, { wait: 'no', prepare: (server) => server.listAnswers.push(() => undefined) });
  await until(() => listing.server.lists.length === 1);
  const watching = await begin(t);
  const waiting = await begin(t, {
    wait: 'no',
    timing: { backoffMs: () => 3_600_000 },
    prepare: (server) => server.listAnswers.push(answerStatus(500, 'no')),
  });
  await until(() => waiting.server.lists.length === 1);
  for (const { reflector, client, server } of [listing, watching, waiting]) {
    await reflector.stop();
    await client.close();
    await until(() => server.connections === 0);
    t.equal(server.watching, 0);
    t.ok(server.watches.length <= 1);
  }
});
