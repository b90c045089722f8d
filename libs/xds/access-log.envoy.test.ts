// The access log says which path the client asked for, rewritten or not, and backends hear nothing of it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { backendEntry, entriesOf, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { ask, freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';
import { XdsCompiler } from './compiler.ts';
import type { XdsChange } from '#libs/xds/envoy/resources.ts';

void t.test('the log has the path that the client asked for', async (t) => {
  const file = join(await throwawayFolder(t), 'access.log');
  const port = await freePort();
  const backend = await startBackend(t, 'web');
  const compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0, accessLog: 'json' });
  const replaced = { type: 'prefix', value: '/inside' } as const;
  const rules = [
    ruleEntry({ name: 'new', matches: ['/shop'], filters: [{ type: 'rewrite', path: replaced }] }),
    ruleEntry({ name: 'plain', matches: ['/plain'] }),
    ruleEntry({
      name: 'moved',
      matches: ['/old'],
      to: { type: 'redirect', redirect: { path: { type: 'full', value: '/new' }, statusCode: 302 } },
    }),
  ];
  const [, { endpoints: key }] = backendEntry('web');
  const endpoints = [{ address: '127.0.0.1', port: backend.port }];
  compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
  compiler.setSnapshot('eu/infra/gateway', entriesOf(listenerEntry({ port }), backendEntry('web'), ...rules), []);
  const envoy = await throwawayEnvoy(t);
  t.same(await envoy.push(loggedTo(file, compiler.flush())), [], 'Envoy takes all of it');
  const paths = ['/shop/a?x=1', '/plain/b?y=2', '/old', '/nowhere', '/shop/%61', '/x/../shop/c'];
  for (const path of paths) await ask(port, { host: 'A.example', path });
  const lines = await eventually(
    async () => {
      const text = await readFile(file, 'utf8').catch(() => '');
      const all = text.split('\n').filter((line) => line !== '');
      return all.length < paths.length ? undefined : all;
    },
    { everyMs: 50, timeoutMs: 20_000 },
  );
  t.same(
    lines?.map((line) => JSON.parse(line).path),
    ['/shop/a?x=1', '/plain/b?y=2', '/old', '/nowhere', '/shop/a', '/shop/c'],
    'in their one spelling, which is what rules are asked about',
  );
  t.match(JSON.parse(lines?.[0] ?? '{}'), { host: 'A.example', method: 'GET', status: 200 });
  t.equal(backend.seen[0]?.url, '/inside/a?x=1', 'the backend gets the new path');
  t.same(
    Object.keys(backend.seen[0]?.headers ?? {}).filter((name) => /original|fleetgate/.test(name)),
    [],
  );
});

t.end();

/** The same change, with the log in a file. */
function loggedTo(file: string, change: XdsChange): XdsChange {
  return JSON.parse(JSON.stringify(change).replaceAll('"/dev/stdout"', JSON.stringify(file)));
}
