// Makes requests of one API server as different people, and remembers for each what it did by the server's own answer:
// which version of which object, or nothing.
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import type { KubeConfig } from '@kubernetes/client-node';
import { isRecord } from '#libs/gateway/fields/record.ts';

/** What is to be found in an attribution: whose request made a change, by the id of the change without its cluster. */
interface Done {
  /** Which row of the table it belongs to. */
  readonly kind: string;
  /** `<uid>/<resourceVersion>` or `<uid>/deleted`. */
  readonly change: string;
  /** Names of people; `alice as bob` for an impersonation; of a deletion who asked, then who removed the finalizer. */
  readonly by: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly object: Readonly<Record<string, unknown>>;
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly type?: string;
  readonly as?: string;
}

export const merge = 'application/merge-patch+json';
export const jsonPatch = 'application/json-patch+json';
export const apply = 'application/apply-patch+yaml';

const apartMs = 50;

/** Speaks with one API server. */
export class Requests {
  readonly #server: string;
  readonly #dispatcher: Agent;
  readonly done: Done[] = [];

  constructor(config: KubeConfig) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig names no cluster');
    this.#server = cluster.server;
    const ca = Buffer.from(cluster.caData ?? '', 'base64').toString();
    this.#dispatcher = new Agent({ connect: { ca }, pipelining: 1, connections: 32 });
  }

  /** Asks as a person of the token file; `as` impersonates. */
  async ask(who: string, { method, path, body, type = 'application/json', as }: Request): Promise<Answer> {
    const response = await request(`${this.#server}${path}`, {
      dispatcher: this.#dispatcher,
      method,
      headers: {
        authorization: `Bearer token-${who}`,
        'user-agent': `lab-${who}`,
        ...(body === undefined ? {} : { 'content-type': type }),
        ...(as === undefined ? {} : { 'impersonate-user': as, 'impersonate-group': 'system:masters' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const json: unknown = await response.body.json();
    const object = isRecord(json) ? json : {};
    const metadata = isRecord(object['metadata']) ? object['metadata'] : {};
    return {
      status: response.statusCode,
      uid: textOf(metadata['uid']),
      resourceVersion: textOf(metadata['resourceVersion']),
      object,
    };
  }

  /** Asks for what makes a version, and remembers it. Throws where the server refuses. */
  async write(kind: string, who: string, what: Request): Promise<Answer> {
    const answer = await this.ask(who, what);
    if (answer.status >= 300)
      throw new Error(`${kind} by ${who}: HTTP ${answer.status} ${JSON.stringify(answer.object)}`);
    const by = what.as === undefined ? who : `${who} as ${what.as}`;
    this.done.push({ kind, change: `${answer.uid}/${answer.resourceVersion}`, by: [by] });
    // The agent sends one change of an object at a time, and the newest stands for those that waited.
    await sleep(apartMs);
    return answer;
  }

  /** Remembers that an object is gone, and by whom. */
  gone(kind: string, { uid }: Pick<Answer, 'uid'>, ...by: readonly string[]): void {
    this.done.push({ kind, change: `${uid}/deleted`, by });
  }

  async close(): Promise<void> {
    await this.#dispatcher.close();
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
