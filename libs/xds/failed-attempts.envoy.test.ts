// Which failed attempts are made again, and that `attempts: 0` makes none (GEP-1731): real requests through a real
// Envoy to backends that refuse in each way there is, and count.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { connect, createServer } from 'node:net';
import t from 'tap';
import { z } from 'zod';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { listenFor } from '#libs/testing/peers/listening.ts';
import type { Teardown } from '#libs/testing/peers/throwaway.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import type { HttpRuleEntry, RetryPolicy } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
const authority = 'ca/eu/ConfigMap/shop/authority';
gateway.compiler.setDiscovery([{ key: authority, item: { kind: 'ca', certificates: tlsFile('backend-ca.crt') } }], []);

/** A policy, and how many attempts it makes of a request that no backend takes. */
const policies: readonly (readonly [name: string, retry: RetryPolicy | undefined, attempts: number])[] = [
  ['unsaid', undefined, 4],
  ['default', { codes: [], attempts: 1 }, 2],
  ['two', { codes: [500], attempts: 2 }, 3],
  ['zero', { codes: [500, 502, 503, 504], attempts: 0 }, 1],
  ['zero-with-backoff', { codes: [], attempts: 0, backoffMs: 10 }, 1],
];

/** Gives the attempts that each policy makes at a backend, by its name. */
async function attemptsOf(
  to: ReturnType<typeof backendEntry>,
  counted: () => number,
  timeouts?: HttpRuleEntry['timeouts'],
): Promise<readonly (readonly [string, number])[]> {
  const rules = policies.map(([name, retry]) =>
    ruleEntry({
      name,
      matches: [`/${name}`],
      to: to[1].service,
      ...(retry === undefined ? {} : { retry }),
      ...(timeouts === undefined ? {} : { timeouts }),
    }),
  );
  await gateway.serve(t, to, ...rules);
  const made: (readonly [string, number])[] = [];
  for (const [name] of policies) {
    const before = counted();
    const { status } = await gateway.ask({ host: 'a.example.com', path: `/${name}` });
    t.equal(status, 503, `${name} ends in an error`);
    made.push([name, counted() - before]);
  }
  return made;
}

const expected = policies.map(([name, , attempts]) => [name, attempts]);

void t.test('a TLS handshake that fails', async (t) => {
  let connections = 0;
  const deaf = createServer((socket) => {
    connections += 1;
    socket.on('error', () => undefined).end('this is no TLS');
  });
  toward('deaf', await listenFor(t, deaf));
  const tls = { hostname: 'abc.example.com', authorities: [authority], subjectAltNames: [] };
  t.strictSame(await attemptsOf(backendEntry('deaf', { tls }), () => connections), expected);
});

void t.test('a stream that is refused', async (t) => {
  let streams = 0;
  const refusing = createHttp2Server();
  refusing.on('stream', (stream: ServerHttp2Stream) => {
    streams += 1;
    stream.on('error', () => undefined).close(constants.NGHTTP2_REFUSED_STREAM);
  });
  toward('refusing', await listenFor(t, refusing));
  t.strictSame(await attemptsOf(backendEntry('refusing', { protocol: 'h2c' }), () => streams), expected);
});

void t.test('a stream that is reset after the request was sent may have been processed', async (t) => {
  let streams = 0;
  const resetting = createHttp2Server();
  resetting.on('stream', (stream: ServerHttp2Stream) => {
    streams += 1;
    stream.on('error', () => undefined).close(constants.NGHTTP2_INTERNAL_ERROR);
  });
  toward('resetting', await listenFor(t, resetting));
  const backend = backendEntry('resetting', { protocol: 'h2c' });
  const once = policies.map(([name]) => [name, 1]);
  t.strictSame(await attemptsOf(backend, () => streams), once);
  const timed = policies.map(([name, retry, attempts]) => [name, retry === undefined ? 1 : attempts]);
  const limits = { backendRequestMs: 5000 };
  t.strictSame(await attemptsOf(backend, () => streams, limits), timed, 'but for rules that limit their attempts');
});

void t.test('a connection that is refused', async (t) => {
  const healthy = await startBackend(t, 'healthy');
  const endpoints = [healthy.port, await freePort()].map((port) => ({ address: '127.0.0.1', port }));
  gateway.setEndpoints('half', endpoints);
  // An attempt may choose the same endpoint again, as long as there are others to make.
  const cases: readonly (readonly [name: string, retry: RetryPolicy | undefined, statuses: readonly number[]])[] = [
    ['unsaid', undefined, [200]],
    ['many', { codes: [], attempts: 10 }, [200]],
    ['zero', { codes: [503], attempts: 0 }, [200, 503]],
  ];
  const rules = cases.map(([name, retry]) =>
    ruleEntry({ name, matches: [`/${name}`], to: 'half', ...(retry === undefined ? {} : { retry }) }),
  );
  await gateway.serve(t, backendEntry('half'), ...rules);
  for (const [name, , statuses] of cases) {
    const answers = new Set<number>();
    for (let count = 0; count < 40; count++)
      answers.add((await gateway.ask({ host: 'a.example.com', path: `/${name}` })).status);
    t.strictSame(
      [...answers].toSorted((a, b) => a - b),
      statuses,
      name,
    );
  }
});

void t.test('a connection that is not made in time', async (t) => {
  toward('stuck', await startStuckServer(t));
  const rules = [0, 1].map((attempts) =>
    ruleEntry({ name: `stuck-${attempts}`, matches: [`/${attempts}`], to: 'stuck', retry: { codes: [], attempts } }),
  );
  await gateway.serve(t, backendEntry('stuck'), ...rules);
  const limitMs = 2000;
  for (const attempts of [0, 1]) {
    const begun = performance.now();
    const { status } = await gateway.ask({ host: 'a.example.com', path: `/${attempts}` });
    const tries = (performance.now() - begun) / limitMs;
    t.equal(status, 503);
    t.ok(tries >= attempts + 0.95 && tries < attempts + 1.9, `${attempts + 1} attempts: ${tries} times the limit`);
  }
});

void t.test('a gRPC backend that is unavailable', async (t) => {
  let calls = 0;
  const unavailable = createHttp2Server();
  unavailable.on('stream', (stream: ServerHttp2Stream) => {
    calls += 1;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, { endStream: true });
  });
  toward('unavailable', await listenFor(t, unavailable));
  const rules = policies.map(([name, retry]) =>
    ruleEntry({ name, matches: [`/${name}`], to: 'unavailable', ...(retry === undefined ? {} : { retry }) }),
  );
  await gateway.serve(t, backendEntry('unavailable', { protocol: 'h2c' }), ...rules);
  for (const [name, retry, attempts] of policies) {
    const before = calls;
    const { headers } = await gateway.ask({ host: 'a.example.com', path: `/${name}` });
    t.strictSame([headers['grpc-status'], calls - before], ['14', retry === undefined ? 1 : attempts], name);
  }
});

t.end();

function toward(service: string, port: number): void {
  gateway.setEndpoints(service, [{ address: '127.0.0.1', port }]);
}

/** Starts a process that listens and never accepts, with a full backlog: whoever connects hears nothing. */
async function startStuckServer(test: Teardown): Promise<number> {
  const program = `
    const server = require('node:net').createServer();
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      require('node:fs').writeSync(1, String(server.address().port));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  test.teardown(() => void child.kill('SIGKILL'));
  const [said] = z.tuple([z.instanceof(Buffer)]).parse(await once(child.stdout, 'data'));
  const port = Number(said.toString());
  for (let count = 0; count < 4; count++) {
    const filler = connect(port, '127.0.0.1').on('error', () => undefined);
    test.teardown(() => void filler.destroy());
  }
  return port;
}
