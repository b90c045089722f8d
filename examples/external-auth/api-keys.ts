// Knows API keys: says 200 and whose key it is, 401 where there is none that it knows, 403 where the key may only read.
// Keys come in `x-api-key` or as a bearer token. Only their SHA-256 is kept, in the file that API_KEYS names.
//
//   node api-keys.ts                            # listens on 127.0.0.1:18301, PORT says another
//   printf %s "$KEY" | sha256sum                # what a new key is in the file
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface Key {
  readonly user: string;
  readonly sha256: string;
  readonly mayWrite: boolean;
}

const file = process.env['API_KEYS'] ?? new URL('api-keys.json', import.meta.url);
const keys = parseKeys(readFileSync(file, 'utf8'));
const reading = new Set(['GET', 'HEAD', 'OPTIONS']);

const server = createServer((request, response) => {
  const key = keyOf(request);
  if (key === undefined) answer(response, 401, { 'www-authenticate': 'Bearer realm="orders"' }, 'an API key is needed');
  else if (!key.mayWrite && !reading.has(request.method ?? '')) answer(response, 403, {}, 'this key may only read');
  else answer(response, 200, { 'x-user': key.user }, '');
});
server.listen(Number(process.env['PORT'] ?? 18_301), '127.0.0.1', () => {
  process.stdout.write(`${keys.length} keys, ${JSON.stringify(server.address())}\n`);
});

function keyOf({ headers }: IncomingMessage): Key | undefined {
  const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
  const said = headers['x-api-key'] ?? token;
  if (typeof said !== 'string') return undefined;
  const hash = createHash('sha256').update(said).digest();
  return keys.find(({ sha256 }) => timingSafeEqual(Buffer.from(sha256, 'hex'), hash));
}

function answer(response: ServerResponse, status: number, headers: Record<string, string>, text: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain', 'cache-control': 'no-store' });
  response.end(text === '' ? '' : `${text}\n`);
}

function parseKeys(text: string): readonly Key[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('the file of keys is not a list');
  return list.map((item: unknown) => {
    const { user, sha256, mayWrite } = { user: '', sha256: '', mayWrite: false, ...Object(item) };
    if (typeof user !== 'string' || typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256))
      throw new Error('a key has no user or no SHA-256');
    return { user, sha256, mayWrite: mayWrite === true };
  });
}
