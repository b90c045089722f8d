// Rules of GRPCRoutes: real calls through a real Envoy, and what clients are told when there is nobody to answer.
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
} from '@grpc/grpc-js';
import t from 'tap';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { type Answer, askHttp2 } from '#libs/testing/peers/http-peers.ts';
import { answerer, startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { HttpFilter, WeightedBackend } from '#libs/snapshot/entry.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';

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

void t.test('streams, metadata and trailers', async (t) => {
  const server = new Server();
  const run = {
    path: '/shop.Cart/Run',
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ run }, { run: answerStream });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const client = new Client(`127.0.0.1:${gateway.port}`, credentials.createInsecure());
  t.teardown(() => {
    client.close();
    server.forceShutdown();
  });
  await gateway.serve(t, backendEntry('real'), rule('real', ['/shop.Cart'], [to('real')]));
  gateway.setEndpoints('real', [{ address: '127.0.0.1', port }]);
  await gateway.push(t);
  const metadata = new Metadata();
  metadata.set('x-color', 'blue');
  const call = client.makeBidiStreamRequest(run.path, same, same, metadata);
  const seen: string[] = [];
  call.on('data', (data: Buffer) => {
    seen.push(data.toString());
    if (seen.length < 3) call.write(Buffer.from(`${seen.length}`));
    else call.end();
  });
  call.on('error', () => undefined);
  call.write(Buffer.from('0'));
  const status = await new Promise<StatusObject>((resolve) => call.on('status', resolve));
  t.strictSame(seen, ['blue 0', 'blue 1', 'blue 2'], 'one message after another, both ways');
  t.strictSame([status.code, status.details, status.metadata.get('x-end')], [9, 'that was it', ['yes']]);
});

t.end();

function same(bytes: Buffer): Buffer {
  return bytes;
}

/** Answers each message, and at the end fails with trailers. */
function answerStream(call: ServerDuplexStream<Buffer, Buffer>): void {
  const [color] = call.metadata.get('x-color');
  call.on('data', (data: Buffer) => call.write(Buffer.from(`${String(color)} ${data.toString()}`)));
  call.on('end', () => {
    const metadata = new Metadata();
    metadata.set('x-end', 'yes');
    call.emit('error', { code: 9, details: 'that was it', metadata });
  });
}

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
