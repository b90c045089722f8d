// Drives a node in tests: a WebSocket server speaks as a hub does, over an in-memory fleet. The real session of the
// hub decides what to send and when.
import { once } from 'node:events';
import { type WebSocket, WebSocketServer } from 'ws';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { Applied, Held, HubMessage, NodeMessage, Rejected } from '#libs/protocol/messages.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import { type FleetView, type HubOutput, HubSession } from '#libs/protocol/hub-session.ts';
import { parseNodeMessage } from '#libs/protocol/parse-node-message.ts';
import { Digest } from '#libs/snapshot/digest.ts';
import { portOf } from '#libs/runtime/ports.ts';
import { discoveryKeysOf } from '#libs/snapshot/discovery-keys.ts';
import { needsOf } from '#libs/snapshot/entry-needs.ts';
import type { Entry, StoredEntry } from '#libs/snapshot/entry.ts';

type Changes = ReadonlyMap<string, StoredEntry | null>;

interface Gateway {
  /** In order from 1, each as changes of the one before. */
  readonly versions: { readonly held: Held; readonly changes: Changes }[];
  readonly digest: Digest;
  /** Entry key → discovery keys that it refers to. */
  readonly keys: Map<string, readonly string[]>;
}

interface Watcher {
  readonly matches: (message: NodeMessage) => boolean;
  readonly resolve: (message: NodeMessage) => void;
}

export class HubDriver implements FleetView {
  readonly token = 'test-token';
  /** Everything that nodes said, in order. */
  readonly heard: NodeMessage[] = [];
  /** Changes each message before it is sent; null drops it. */
  alter: (message: HubMessage) => HubMessage | null = (message) => message;
  readonly #gateways = new Map<string, Gateway>();
  readonly #items = new Map<string, { readonly hash: string; readonly item: DiscoveryItem }>();
  readonly #watchers = new Set<Watcher>();
  #server: WebSocketServer | null = null;
  #socket: WebSocket | null = null;
  #session: HubSession | null = null;
  #port = 0;

  async start(): Promise<void> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: this.#port, path: '/v1/node' });
    await once(server, 'listening');
    this.#port = portOf(server.address());
    this.#server = server;
    server.on('connection', (socket, request) => {
      if (request.headers.authorization !== `Bearer ${this.token}`) socket.close(4401, 'unauthorized');
      else this.#accept(socket);
    });
  }

  /** Gone at once, as when its host is. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const client of server?.clients ?? []) client.terminate();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Makes the gateway's next version from changes of its entries (null removes), and serves it. */
  publish(gateway: string, changes: Readonly<Record<string, Entry | null>>): Held {
    const state: Gateway = this.#gateways.get(gateway) ?? { versions: [], digest: new Digest(), keys: new Map() };
    this.#gateways.set(gateway, state);
    const stored = new Map<string, StoredEntry | null>();
    const added: string[] = [];
    for (const [key, entry] of Object.entries(changes)) {
      const json = entry === null ? '' : canonicalJson(entry);
      stored.set(key, entry === null ? null : { hash: sha256(json), json });
      if (entry === null) {
        state.digest.delete(key);
        state.keys.delete(key);
      } else {
        state.digest.set(key, sha256(json));
        state.keys.set(key, discoveryKeysOf(entry));
        added.push(...discoveryKeysOf(entry));
      }
    }
    const held = { gateway, version: state.versions.length + 1, digest: state.digest.value() };
    state.versions.push({ held, changes: stored });
    const session = this.#session;
    if (session !== null && held.version === 1) this.#do(session.assign(gateway));
    else if (session !== null) this.#do(session.servingChanged(gateway, { added, removed: [] }));
    return held;
  }

  /** Sets discovery items (null removes). */
  discover(items: Readonly<Record<string, DiscoveryItem | null>>): void {
    for (const [key, item] of Object.entries(items)) {
      if (item === null) this.#items.delete(key);
      else this.#items.set(key, { hash: sha256(canonicalJson(item)), item });
    }
    if (this.#session !== null) this.#do(this.#session.discoveryChanged(Object.keys(items)));
  }

  /** The answer to a version, said before or to be said. */
  async answer(held: Held): Promise<Applied | Rejected> {
    const message = await this.#hear(
      ({ type, ...rest }) => (type === 'applied' || type === 'rejected') && 'digest' in rest && sameHeld(rest, held),
    );
    if (message.type !== 'applied' && message.type !== 'rejected') throw new Error('another message');
    return message;
  }

  /** The next message of a type that is said from now on. */
  next(type: NodeMessage['type']): Promise<NodeMessage> {
    const seen = new Set(this.heard);
    return this.#hear((message) => message.type === type && !seen.has(message));
  }

  // FleetView

  serving(gateway: string): Held | undefined {
    return this.#gateways.get(gateway)?.versions.at(-1)?.held;
  }

  hasBase({ gateway, version, digest }: Held): boolean {
    return this.#gateways.get(gateway)?.versions[version - 1]?.held.digest === digest;
  }

  keysOf(gateway: string): readonly string[] {
    return [...(this.#gateways.get(gateway)?.keys.values() ?? [])].flat();
  }

  refersTo(gateway: string, key: string): boolean {
    return this.#gateways.has(gateway) && this.#items.has(key);
  }

  /** Of every version so far: what was once needed stays so here. */
  needsOf(gateway: string): Iterable<string> {
    const changes = this.#gateways.get(gateway)?.versions.flatMap(({ changes: made }) => [...made.values()]) ?? [];
    return new Set(changes.flatMap((entry) => (entry === null ? [] : needsOf(entry.json))));
  }

  discoveryHash(key: string): string | undefined {
    return this.#items.get(key)?.hash;
  }

  #accept(socket: WebSocket): void {
    this.#socket = socket;
    this.#session = null;
    socket.on('message', (data: Buffer) => {
      const parsed = parseNodeMessage(data.toString());
      if (!parsed.ok) throw new Error(parsed.problems.join('; '));
      this.#receive(parsed.message);
    });
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#session = null;
    });
  }

  #receive(message: NodeMessage): void {
    this.heard.push(message);
    for (const watcher of this.#watchers) {
      if (!watcher.matches(message)) continue;
      this.#watchers.delete(watcher);
      watcher.resolve(message);
    }
    if (message.type === 'hello') {
      this.#session = new HubSession(this, message);
      this.#do(this.#session.start(message, this.#gateways.keys()));
    } else if (this.#session !== null && message.type !== 'goodbye') this.#do(this.#session.receive(message));
  }

  #do(outputs: readonly HubOutput[]): void {
    for (const output of outputs) {
      const message = this.#messageOf(output);
      const altered = message === null ? null : this.alter(message);
      if (altered !== null) this.#socket?.send(JSON.stringify(altered));
    }
  }

  #messageOf(output: HubOutput): HubMessage | null {
    if (output.type === 'report') return null;
    if (output.type === 'pong') return output;
    if (output.type === 'discovery') {
      const upserts = output.upserts.flatMap((key) => {
        const known = this.#items.get(key);
        return known === undefined ? [] : [{ key, ...known }];
      });
      return { type: 'discovery', upserts, removes: output.removes };
    }
    const { base, target } = output;
    const changes = this.#between(base?.version ?? 0, target);
    return {
      type: 'snapshot',
      ...target,
      base: base === null ? null : { version: base.version, digest: base.digest },
      upserts: [...changes].flatMap(([key, entry]) => (entry === null ? [] : [{ key, ...entry }])),
      removes: [...changes].flatMap(([key, entry]) => (entry === null && base !== null ? [key] : [])),
    };
  }

  #between(version: number, target: Held): Changes {
    const versions = this.#gateways.get(target.gateway)?.versions ?? [];
    const merged = new Map<string, StoredEntry | null>();
    for (const { changes } of versions.slice(version, target.version))
      for (const [key, entry] of changes) merged.set(key, entry);
    return merged;
  }

  #hear(matches: (message: NodeMessage) => boolean): Promise<NodeMessage> {
    const heard = this.heard.findLast(matches);
    if (heard !== undefined) return Promise.resolve(heard);
    return new Promise((resolve) => {
      this.#watchers.add({ matches, resolve });
    });
  }
}

function sameHeld(a: Held, b: Held): boolean {
  return a.gateway === b.gateway && a.version === b.version && a.digest === b.digest;
}
