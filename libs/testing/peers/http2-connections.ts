// Sends many HTTP/2 requests over few connections, for tests that ask thousands.
import { type ClientHttp2Session, connect } from 'node:http2';
import type { AskTarget, KeptAnswer, KeptRequest } from './kept-connections.ts';

const connectionsMax = 2;

/**
 * Asks all of them; 'closed' = the connection was closed, even though it was a new one; 'reset' = it stayed, and the
 * request got no answer.
 */
export async function askAllHttp2(
  target: AskTarget,
  requests: readonly KeptRequest[],
): Promise<readonly (KeptAnswer | 'closed' | 'reset')[]> {
  const answers: (KeptAnswer | 'closed' | 'reset')[] = [];
  const queue = requests.entries();
  const work = async (): Promise<void> => {
    let session: ClientHttp2Session | undefined;
    for (const [index, request] of queue) {
      const first = session === undefined ? 'closed' : await ask(session, target, request);
      if (session === undefined || first === 'closed') {
        session = open(target);
        answers[index] = await ask(session, target, request);
      } else answers[index] = first;
    }
    session?.destroy();
  };
  await Promise.all(Array.from({ length: Math.min(connectionsMax, requests.length) }, work));
  return answers;
}

function open({ port, serverName, certificate }: AskTarget): ClientHttp2Session {
  // Node repeats no line of names that mean one value to it, unless it is told to.
  const options = { strictSingleValueFields: false, settings: { enablePush: false } };
  const session =
    serverName === undefined
      ? connect(`http://127.0.0.1:${port}`, options)
      : connect(`https://127.0.0.1:${port}`, {
          ...options,
          ...certificate,
          rejectUnauthorized: false,
          servername: serverName,
        });
  session.on('error', () => undefined);
  return session;
}

function ask(
  session: ClientHttp2Session,
  { serverName }: AskTarget,
  { method, path, host, headers }: KeptRequest,
): Promise<KeptAnswer | 'closed' | 'reset'> {
  if (session.closed || session.destroyed) return Promise.resolve('closed');
  const lines = [
    ...[':method', method, ':path', path, ':authority', host, ':scheme', serverName === undefined ? 'http' : 'https'],
    ...headers.flatMap(([name, value]) => [name.toLowerCase(), value]),
  ];
  return new Promise((resolve) => {
    const stream = session.request(lines, { endStream: true });
    let status = 0;
    let answered: KeptAnswer['headers'] = [];
    let body = '';
    stream.on('response', (_headers, _flags, raw) => {
      const all = raw.flatMap((name, index): (readonly [string, string])[] =>
        index % 2 === 0 ? [[name, raw[index + 1] ?? '']] : [],
      );
      status = Number(all.find(([name]) => name === ':status')?.[1]);
      answered = all.filter(([name]) => !name.startsWith(':'));
    });
    stream.on('data', (data: Buffer) => (body += data.toString('utf8')));
    stream.on('error', () => undefined);
    stream.on('close', () => {
      if (status === 0) resolve(session.closed || session.destroyed ? 'closed' : 'reset');
      else resolve({ status, headers: answered, echo: body.startsWith('{') ? JSON.parse(body) : undefined });
    });
  });
}
