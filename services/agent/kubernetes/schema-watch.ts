// Notices that schemas of what is watched have changed: with other CRDs a server may read what it has
// stored differently (a new default appears on read), under an unchanged resourceVersion and without an event. The
// index of OpenAPI v3 holds a hash of every group and version, and any client that is authenticated may read it.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { jittered, pause } from '#libs/runtime/pause.ts';
import type { ApiClient } from './api-client.ts';

interface SchemaWatchOptions {
  readonly client: ApiClient;
  /**
   * Takes the roots (`/apis/<group>/<version>`) whose schemas are other ones, or were a moment ago; none where only
   * roots have come or gone.
   */
  readonly onChanged: (roots: ReadonlySet<string>) => void;
  /** Takes a sentence while the server refuses to tell, null otherwise. */
  readonly onProblem: (sentence: string | null) => void;
  readonly pollMs?: number;
  readonly againMs?: number;
}

const index = '/openapi/v3';
const pollMsDefault = 5000;
/** CRDs are installed one after the other, and one of several API servers may be the last to learn of them. */
const againMsDefault = 15_000;

/** Compares the schemas of one API server with those before, until it is stopped. */
export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  #hashes: ReadonlyMap<string, string> = new Map();
  /** When a changed root is reported once more; until then further changes of it wait. */
  readonly #again = new Map<string, number>();
  readonly #abort = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort;
    for (;;) {
      const hashes = await this.#read();
      if (signal.aborted) return;
      if (hashes !== null) this.#compare(hashes);
      await pause(jittered(this.#options.pollMs ?? pollMsDefault), signal);
    }
  }

  #compare(hashes: ReadonlyMap<string, string>): void {
    const now = performance.now();
    const before = this.#hashes;
    this.#hashes = hashes;
    const due = [...this.#again].filter(([, at]) => at <= now).map(([root]) => root);
    for (const root of due) this.#again.delete(root);
    const changed = [...hashes]
      .filter(([root, hash]) => before.has(root) && before.get(root) !== hash && !this.#again.has(root))
      .map(([root]) => root);
    for (const root of changed) this.#again.set(root, now + (this.#options.againMs ?? againMsDefault));
    const roots = new Set([...due, ...changed]);
    const haveMoved = before.size > 0 && new Set(before.keys()).symmetricDifference(hashes).size > 0;
    if (roots.size > 0 || haveMoved) this.#options.onChanged(roots);
  }

  /** Gives the hash by root; null = the server does not say it now, or never does. */
  async #read(): Promise<ReadonlyMap<string, string> | null> {
    const { client, onProblem } = this.#options;
    const answer = await client.call({ path: index, signal: this.#abort.signal }).catch(() => undefined);
    // A broken connection is for the watches to tell.
    if (answer === undefined) return null;
    const { status, body, message } = answer;
    onProblem(status === 403 ? `the agent may not read ${index}, and cannot see that CRDs change: ${message}` : null);
    return status === 200 ? parseIndex(body) : null;
  }
}

function parseIndex(body: unknown): ReadonlyMap<string, string> | null {
  const paths = isRecord(body) ? body['paths'] : undefined;
  if (!isRecord(paths)) return null;
  return new Map(
    Object.entries(paths).flatMap(([path, entry]): readonly (readonly [string, string])[] => {
      const url = isRecord(entry) ? entry['serverRelativeURL'] : undefined;
      return typeof url === 'string' ? [[`/${path}`, url]] : [];
    }),
  );
}
