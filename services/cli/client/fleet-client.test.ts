import { createServer } from 'node:http';
import t from 'tap';
import { z } from 'zod';
import { FleetClient } from './fleet-client.ts';
import { tryPort } from '#libs/runtime/ports.ts';

/** Answers of a control service of another version, word for word. */
const answers: Readonly<Record<string, { readonly status: number; readonly body: string }>> = {
  '/newer': { status: 200, body: '{"items":[{"name":"eu","colour":"blue"}],"next":null,"more":1}' },
  '/other': { status: 200, body: '{"items":[{"title":"eu"}],"next":null}' },
  '/refused': { status: 422, body: '{"error":{"code":"refused","message":"it is pinned","hint":"Release it."}}' },
  '/forbidden': { status: 403, body: '{"error":{"code":"forbidden","message":"needs operator","hint":"x"}}' },
  '/gone': { status: 404, body: '{"error":{"code":"not-found","message":"no such gateway","hint":"List them."}}' },
  '/proxy': { status: 502, body: '<html>Bad Gateway</html>' },
};
const page = z.strictObject({ items: z.array(z.strictObject({ name: z.string() })), next: z.string().nullable() });

const at = (path: string) =>
  ({ method: 'GET', path, role: 'viewer', tag: '', summary: '', input: z.object({}), returns: page }) as const;

await t.test('answers are checked, and refusals become errors that say what to do', async (t) => {
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ''] ?? { status: 500, body: '' };
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  const [port, closed] = [await tryPort('127.0.0.1', 0), await tryPort('127.0.0.1', 0)];
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const client = new FleetClient({ url: `http://127.0.0.1:${port}`, token: 'fg_x' });

  t.same(await client.call(at('/newer'), {}), { items: [{ name: 'eu' }], next: null }, 'a newer one may say more');
  await t.rejects(client.call(at('/other'), {}), { code: 'control-refused', hint: /same version/ });
  await t.rejects(client.call(at('/refused'), {}), {
    code: 'command-refused',
    message: /it is pinned/,
    hint: 'Release it.',
  });
  await t.rejects(client.call(at('/forbidden'), {}), { code: 'control-refused', message: /needs operator/ });
  await t.rejects(client.call(at('/gone'), {}), { code: 'not-found', hint: 'List them.' });
  await t.rejects(client.call(at('/proxy'), {}), { code: 'control-unreachable', message: /502/ });
  const nobody = new FleetClient({ url: `http://127.0.0.1:${closed}`, token: 'fg_x' });
  await t.rejects(nobody.call(at('/newer'), {}), { code: 'control-unreachable', message: /ECONNREFUSED/ });
});
