// Retries and time limits: real requests through a real Envoy to a backend that fails as it is told
// (httproute-retry.go).
import { createServer, request, type ServerResponse } from 'node:http';
import t from 'tap';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { listenFor } from '#libs/testing/peers/listening.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { HttpRuleEntry, RetryPolicy } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
/** Requests so far by path and query. */
const attempts = new Map<string, number>();
/** `?fail=<status, late-status, reset or hang>&times=<n>`: fails so often, then answers 200. */
const flaky = createServer((incoming, response) => {
  const { url = '' } = incoming;
  const { searchParams } = new URL(url, 'http://flaky');
  const count = (attempts.get(url) ?? 0) + 1;
  attempts.set(url, count);
  incoming.resume().on('end', () => {
    if (count > Number(searchParams.get('times'))) response.end();
    else fail(response, searchParams.get('fail') ?? '');
  });
});
const flakyPort = await listenFor(t, flaky);
gateway.setEndpoints('flaky', [{ address: '127.0.0.1', port: flakyPort }]);

void t.test('status codes', async (t) => {
  await gateway.serve(
    t,
    backendEntry('flaky'),
    rule('one', { codes: [500], attempts: 3 }),
    rule('all', { codes: [500, 502, 503, 504], attempts: 2 }),
    rule('none', undefined),
    rule('zero', { codes: [500, 502, 503, 504], attempts: 0 }),
    rule('edge', { codes: [400, 429, 599], attempts: 1 }),
  );
  const cases: readonly (readonly [path: string, fail: string, times: number, status: number, attempts: number])[] = [
    ['/one', '500', 2, 200, 3],
    ['/one', '500', 3, 200, 4],
    ['/one', '500', 4, 500, 4],
    ['/one', '503', 2, 503, 1],
    ...[500, 502, 503, 504].flatMap((code) => [
      ['/all', `${code}`, 1, 200, 2] as const,
      ['/all', `${code}`, 3, code, 3] as const,
    ]),
    ['/none', '500', 1, 500, 1],
    ['/none', '503', 1, 503, 1],
    ...[500, 502, 503, 504].map((code) => ['/zero', `${code}`, 1, code, 1] as const),
    ...[400, 429, 599].flatMap((code) => [
      ['/edge', `${code}`, 1, 200, 2] as const,
      ['/edge', `${code}`, 2, code, 2] as const,
    ]),
    ['/edge', '598', 1, 598, 1],
  ];
  for (const [path, fail, times, status, count] of cases)
    t.strictSame(await tried(path, fail, times), [status, count], `${path} ${fail} ${times} times`);
});

void t.test('no client switches on what its rule switches off', async (t) => {
  await gateway.serve(t, backendEntry('flaky'), rule('zero', { codes: [500], attempts: 0 }), rule('none', undefined));
  const headers = [
    ['x-envoy-retry-on', '5xx,reset,retriable-status-codes'],
    ['x-envoy-retriable-status-codes', '500'],
    ['x-envoy-max-retries', '5'],
    ['x-envoy-hedge-on-per-try-timeout', 'true'],
  ] as const;
  for (const path of ['/zero', '/none'])
    t.strictSame(await tried(`${path}/of-client`, '500', 1, headers), [500, 1], path);
});

void t.test('what fails on the way', async (t) => {
  const timed = { timeouts: { backendRequestMs: 100 } };
  await gateway.serve(
    t,
    backendEntry('flaky'),
    rule('reset', { codes: [], attempts: 2 }),
    rule('slow', { codes: [], attempts: 2 }, timed),
    rule('slow-code', { codes: [500], attempts: 2 }, timed),
    rule('slow-zero', { codes: [504], attempts: 0 }, timed),
    rule('slow-none', undefined, timed),
    rule('none', undefined),
  );
  t.strictSame(await tried('/reset', 'reset', 1), [503, 1], 'it may have been done');
  t.strictSame(await tried('/none', 'reset', 1), [503, 1], 'it may have been done');
  t.strictSame(await tried('/slow', 'hang', 2), [200, 3], 'each attempt has its time');
  t.strictSame(await tried('/slow', 'hang', 3), [504, 3]);
  t.strictSame(await tried('/slow', 'reset', 2), [200, 3], 'Envoy cannot tell it from an attempt that is too slow');
  t.strictSame(await tried('/slow', '500', 1), [500, 1], 'a code that is not named');
  t.strictSame(await tried('/slow-code', 'hang', 1), [200, 2]);
  t.strictSame(await tried('/slow-zero', 'hang', 1), [504, 1]);
  t.strictSame(await tried('/slow-none', 'hang', 1), [504, 1]);
});

void t.test('the time of a whole request holds over all attempts and waits', async (t) => {
  const timeouts = { requestMs: 400 };
  await gateway.serve(
    t,
    backendEntry('flaky'),
    rule('waits', { codes: [500], attempts: 100, backoffMs: 100 }, { timeouts }),
    rule('answers', { codes: [500], attempts: 100, backoffMs: 1 }, { timeouts }),
    rule('late', { codes: [], attempts: 100, backoffMs: 1 }, { timeouts: { ...timeouts, backendRequestMs: 150 } }),
  );
  for (const [path, how] of [
    ['/waits', '500'],
    ['/answers', 'late-500'],
    ['/late', 'hang'],
  ] as const) {
    const begun = performance.now();
    const [status, count] = await tried(path, how, 1000);
    const tookMs = performance.now() - begun;
    t.equal(status, 504, path);
    t.ok(count > 1, `${path}: ${count} attempts`);
    t.ok(tookMs >= 390 && tookMs < 900, `${path}: ${tookMs} ms`);
  }
  t.strictSame(await tried('/answers', 'late-500', 1), [200, 2], 'what ends in time is answered');
});

void t.test('the backoff is what waits are made from', async (t) => {
  const short = { codes: [500], attempts: 3, backoffMs: 5 };
  await gateway.serve(
    t,
    backendEntry('flaky'),
    rule('short', short),
    rule('long', { ...short, backoffMs: 300 }),
    rule('late-long', { ...short, backoffMs: 300 }, { timeouts: { backendRequestMs: 50 } }),
  );
  const timed = async (path: string, how: string): Promise<number> => {
    const tookMs: number[] = [];
    for (let run = 0; run < 3; run++) {
      const begun = performance.now();
      t.strictSame(await tried(`${path}/${run}`, how, 3), [200, 4]);
      tookMs.push(performance.now() - begun);
    }
    return Math.max(...tookMs);
  };
  const shortMs = await timed('/short', '500');
  // Each wait is drawn between nothing and a bound that doubles: 0.6, 1.2 and 2.4 s here.
  t.ok(shortMs < 400, `5 ms: ${shortMs} ms`);
  for (const [path, how] of [
    ['/long', '500'],
    ['/late-long', 'hang'],
  ] as const) {
    const longMs = await timed(path, how);
    t.ok(longMs > 500, `300 ms, ${path}: ${longMs} ms`);
  }
});

void t.test('requests whose body fits into a mebibyte', async (t) => {
  await gateway.serve(t, backendEntry('flaky'), rule('body', { codes: [503], attempts: 2 }));
  const mebibyte = 1_048_576;
  for (const [bytes, expected] of [
    [1000, [200, 3]],
    [mebibyte, [200, 3]],
    [3 * mebibyte, [503, 1]],
  ] as const) {
    const path = `/body?fail=503&times=2&bytes=${bytes}`;
    t.strictSame([await posted(path, bytes), attempts.get(path)], expected, `${bytes} bytes`);
  }
});

t.end();

/** Sends a body; gives the status. */
function posted(path: string, bytes: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { host: 'a.example.com', 'content-length': bytes };
    const sent = request({ port: gateway.port, host: '127.0.0.1', method: 'POST', path, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode));
    });
    sent.on('error', reject);
    sent.end(Buffer.alloc(bytes, 'a'));
  });
}

function rule(
  name: string,
  retry: RetryPolicy | undefined,
  more: Partial<Pick<HttpRuleEntry, 'timeouts'>> & { to?: string } = {},
) {
  return ruleEntry({ name, matches: [`/${name}`], to: 'flaky', ...(retry === undefined ? {} : { retry }), ...more });
}

/** Status and how many attempts reached the backend. */
async function tried(
  path: string,
  fail: string,
  times: number,
  headers: readonly (readonly [string, string])[] = [],
): Promise<readonly [number, number]> {
  const full = `${path}?fail=${fail}&times=${times}`;
  const before = attempts.get(full) ?? 0;
  const { status } = await gateway.ask({ host: 'a.example.com', path: full, headers });
  return [status, (attempts.get(full) ?? 0) - before];
}

function fail(response: ServerResponse, how: string): void {
  const [, late] = /^late-(\d+)$/.exec(how) ?? [];
  if (how === 'reset') response.socket?.destroy();
  else if (late !== undefined) setTimeout(() => response.writeHead(Number(late)).end(), 150);
  else if (how !== 'hang') response.writeHead(Number(how)).end();
}
