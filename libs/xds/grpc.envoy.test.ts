// Rules of GRPCRoutes: real calls through a real Envoy, and what clients are told when there is nobody to answer.
import t from 'tap';
import { backendEntry, ruleEntry } from '#libs/testing/entries.ts';
import { type Answer, askHttp2 } from '#libs/testing/http-peers.ts';
import { answerer, startServedGateway } from '#libs/testing/served-gateway.ts';
import type { HttpFilter, HttpMatch, WeightedBackend } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
const calls = gateway.backends.get('grpc');
gateway.setEndpoints('plain', [{ address: '127.0.0.1', port: calls?.port ?? 0 }]);

void t.test('calls', async (t) => {
  const set: HttpFilter = { type: 'request-headers', set: [{ name: 'x-set', value: 'yes' }], add: [], remove: [] };
  await gateway.serve(
    t,
    backendEntry('plain'),
    rule('exact', [{ path: { type: 'Exact', value: '/shop.Cart/Add' } }], [to('grpc')]),
    rule('untold', ['/untold.Service'], [to('plain')]),
    rule(
      'both',
      ['/both.Service'],
      [
        { ...to('plain'), filters: [set] },
        { ...to('grpc'), filters: [set] },
      ],
    ),
    rule('half', ['/half.Service'], [to('grpc'), { invalid: 'no such Service', weight: 1, filters: [] }]),
    rule('none', ['/none.Service'], [{ invalid: 'no such Service', weight: 1, filters: [] }]),
    rule('empty', ['/empty.Service'], []),
    rule('down', ['/down.Service'], [to('down')]),
    backendEntry('down'),
  );
  t.equal(await called('/shop.Cart/Add'), 'grpc');
  t.equal(await called('/shop.Cart/Remove'), 'UNIMPLEMENTED');
  t.equal(await called('/untold.Service/Call'), 'grpc', 'HTTP/2 though the Service does not say so');
  t.equal(await called('/both.Service/Call'), 'grpc');
  t.equal(calls?.seen.at(-1)?.headers['x-set'], 'yes');
  t.equal(calls?.seen.at(-1)?.headers['te'], 'trailers');
  const half = await Promise.all(Array.from({ length: 60 }, () => called('/half.Service/Call')));
  const unavailable = half.filter((one) => one === 'UNAVAILABLE').length;
  t.ok(unavailable > 10 && unavailable < 50, `half of 60: ${unavailable}`);
  t.equal(half.filter((one) => one === 'grpc').length, 60 - unavailable);
  for (const path of ['/none', '/empty', '/down']) t.equal(await called(`${path}.Service/Call`), 'UNAVAILABLE', path);
});

t.end();

function to(service: string): WeightedBackend {
  return { key: backendEntry(service)[0], weight: 1, filters: [] };
}

function rule(name: string, matches: readonly (string | Partial<HttpMatch>)[], backends: readonly WeightedBackend[]) {
  return ruleEntry({ name, kind: 'GRPCRoute', matches, to: { type: 'forward', backends } });
}

/** The backend that answered, or the gRPC status. */
async function called(path: string): Promise<string> {
  const headers = {
    ':method': 'POST',
    ':authority': 'a.example.com',
    'content-type': 'application/grpc',
    te: 'trailers',
  };
  const answer = await askHttp2(gateway.port, { headers: { ...headers, ':path': path }, body: 'x' });
  return answer.status === 200 && answer.echo === undefined ? statusOf(answer) : answerer(answer);
}

function statusOf({ headers }: Answer): string {
  const status = headers['grpc-status'] ?? '';
  return { '2': 'UNKNOWN', '12': 'UNIMPLEMENTED', '14': 'UNAVAILABLE' }[status] ?? status;
}
