// Asks Envoy's admin interface, over its Unix socket, the few things that the node needs.
import { request } from 'node:http';
import { pause } from '#libs/runtime/pause.ts';

export interface EnvoyAdmin {
  /** Tells whether Envoy serves ('live'), still initialises ('starting'), or does not answer ('silent'). */
  state(): Promise<'live' | 'starting' | 'silent'>;
  /** Resolves to the names of the listeners that still wait for something before they take connections. */
  warmingListeners(): Promise<readonly string[]>;
  /** Asks clients to leave; listeners keep taking connections. */
  drain(): Promise<void>;
  /** Ends Envoy; resolves when it no longer answers. */
  quit(): Promise<void>;
  /** Counts the open connections of clients. */
  openConnections(): Promise<number>;
}

const timeoutMs = 3000;
const answerBytesMax = 64 * 1024 * 1024;

/** Gives the admin interface behind a socket; it keeps nothing between calls. */
export function envoyAdmin(socketPath: string): EnvoyAdmin {
  const ask = (method: 'GET' | 'POST', path: string): Promise<Answer> => askAdmin(socketPath, method, path);
  return {
    async state() {
      const answer = await ask('GET', '/ready').catch(() => undefined);
      if (answer === undefined) return 'silent';
      return answer.status === 200 ? 'live' : 'starting';
    },
    async warmingListeners() {
      const { body } = await ask('GET', '/config_dump?resource=dynamic_listeners&mask=name,warming_state.version_info');
      return parseWarming(JSON.parse(body));
    },
    async drain() {
      await ask('POST', '/healthcheck/fail');
      await ask('POST', '/drain_listeners?skip_exit');
    },
    async quit() {
      await ask('POST', '/quitquitquit').catch(() => undefined);
      while ((await this.state()) !== 'silent') await pause(20);
    },
    async openConnections() {
      const stats = await ask('GET', '/stats?filter=^listener\\..*\\.downstream_cx_active$&format=text');
      return stats.body
        .split('\n')
        .filter((line) => !line.startsWith('listener.admin'))
        .reduce((sum, line) => sum + (Number(line.split(': ')[1] ?? 0) || 0), 0);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function askAdmin(socketPath: string, method: 'GET' | 'POST', path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path, timeout: timeoutMs, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > answerBytesMax) call.destroy(new Error('the answer is too long'));
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    call.on('error', reject);
    call.end();
  });
}

/** Reads { configs: [{ name, warming_state? }] }. */
function parseWarming(dump: unknown): readonly string[] {
  const configs = fieldOf(dump, 'configs');
  if (!Array.isArray(configs)) return [];
  return configs.flatMap((config: unknown) =>
    fieldOf(config, 'warming_state') === undefined ? [] : [String(fieldOf(config, 'name'))],
  );
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
