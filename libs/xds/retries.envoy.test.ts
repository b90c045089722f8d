// Retries and time limits: real requests through a real Envoy to a backend that fails as it is told
// (httproute-retry.go).
import { createServer, request, type ServerResponse } from 'node:http';
import t from 'tap';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { freePort } from '#libs/testing/peers/http-peers.ts';
import { listenFor } from '#libs/testing/peers/listening.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { HttpRuleEntry, RetryPolicy } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
/** Requests so far by path and query. */
const attempts = new Map<string, number>();
/** `?fail=<status, reset or hang>&times=<n>`: fails so often, then answers 200. */
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
  ];
  for (const [path, fail, times, status, count] of cases)
    t.strictSame(await tried(path, fail, times), [status, count], `${path} ${fail} ${times} times`);
});

void t.test('what fails on the way', async (t) => {
  await gateway.serve(
    t,
    backendEntry('flaky'),
    backendEntry('gone'),
    rule('reset', { codes: [], attempts: 2 }),
    rule('slow', { codes: [], attempts: 2 }, { timeouts: { backendRequestMs: 100 } }),
    rule('limit', { codes: [500], attempts: 100, backoffMs: 100 }, { timeouts: { requestMs: 300 } }),
    rule('gone', { codes: [], attempts: 2 }, { to: 'gone' }),
    rule('none', undefined),
  );
  gateway.setEndpoints('gone', [{ address: '127.0.0.1', port: await freePort() }]);
  await gateway.push(t);
  t.strictSame(await tried('/reset', 'reset', 2), [200, 3]);
  t.strictSame(await tried('/reset', 'reset', 3), [503, 3]);
  t.strictSame(await tried('/none', 'reset', 1), [503, 1], 'it may have been done');
  t.strictSame(await tried('/slow', 'hang', 2), [200, 3], 'each attempt has its time');
  t.strictSame(await tried('/slow', 'hang', 3), [504, 3]);
  const [status] = await tried('/limit', '500', 1000);
  t.ok(status === 504 || status === 500, 'the whole request has its time, waiting included');
  t.equal((await gateway.ask({ host: 'a.example.com', path: '/gone' })).status, 503);
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
async function tried(path: string, fail: string, times: number): Promise<readonly [number, number]> {
  const full = `${path}?fail=${fail}&times=${times}`;
  const before = attempts.get(full) ?? 0;
  const { status } = await gateway.ask({ host: 'a.example.com', path: full });
  return [status, (attempts.get(full) ?? 0) - before];
}

function fail(response: ServerResponse, how: string): void {
  if (how === 'reset') response.socket?.destroy();
  else if (how !== 'hang') response.writeHead(Number(how)).end();
}
