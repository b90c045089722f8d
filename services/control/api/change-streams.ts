// Streams server-sent events: first everything, then what changes, so that a live table needs no polling. A reader that
// does not read is dropped.
import type { ServerResponse } from 'node:http';
import type { Kysely } from 'kysely';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { PersonalData } from '../access/personal-data.ts';
import type { Visitor } from '../access/tokens.ts';
import type { CommitNews } from '../hub/fleet-feed.ts';
import type { ClusterNames } from './cluster-names.ts';
import { readClusters } from './reads/clusters.ts';
import { readGatewayRows, toSummaries } from './reads/gateways.ts';
import { readNodeRows, toNodes } from './reads/nodes.ts';

const streamsMax = 100;
const itemsMax = 1000;
const unreadMax = 4 * 1024 * 1024;
const spacingMs = 50;
const clustersEveryMs = 5000;
const aliveEveryMs = 15_000;

/** One reader. While it is told everything, what changes meanwhile is kept for later: nothing older comes after it. */
interface Stream {
  readonly response: ServerResponse;
  readonly tokenId: string;
  /** Whether texts about people are shown. */
  readonly shown: boolean;
  missed: { readonly gateways: Set<string>; readonly nodes: Set<string> } | null;
}

interface StreamContext {
  readonly db: Kysely<Database>;
  readonly personal: PersonalData;
  readonly names: ClusterNames;
  readonly log: Logger;
  readonly isValid: (tokenId: string) => Promise<boolean>;
}

export class ChangeStreams {
  readonly #db: Kysely<Database>;
  readonly #personal: PersonalData;
  readonly #names: ClusterNames;
  readonly #log: Logger;
  readonly #isValid: (tokenId: string) => Promise<boolean>;
  readonly #streams = new Set<Stream>();
  readonly #gateways = new Set<string>();
  readonly #nodes = new Set<string>();
  readonly #clusters = new Map<string, string>();
  readonly #timers: readonly NodeJS.Timeout[];
  #commit = 0n;
  #flushing: Promise<void> | null = null;

  constructor({ db, personal, names, log, isValid }: StreamContext) {
    this.#db = db;
    this.#personal = personal;
    this.#names = names;
    this.#log = log;
    this.#isValid = isValid;
    this.#timers = [
      setInterval(() => void this.#tellClusters(), clustersEveryMs).unref(),
      setInterval(() => void this.#keepAlive(), aliveEveryMs).unref(),
    ];
  }

  get isFull(): boolean {
    return this.#streams.size >= streamsMax;
  }

  /** Takes the response over; it stays open until either side ends it. */
  async open(response: ServerResponse, caller: Visitor): Promise<void> {
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    const missed = { gateways: new Set<string>(), nodes: new Set<string>() };
    const shown = this.#personal.isShownTo(caller);
    const stream: Stream = { response, tokenId: caller.tokenId, shown, missed };
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
    response.on('error', (error) => this.#log.debug({ err: error }, 'a stream of changes failed'));
    try {
      const db = this.#db;
      const clusters = await readClusters(db, '', itemsMax);
      await this.#tell(stream, 'clusters', { all: true, items: clusters.slice(0, itemsMax) });
      const gateways = await readGatewayRows(db, { deleted: 'without', limit: itemsMax });
      await this.#tell(stream, 'gateways', { all: true, items: await toSummaries(db, gateways.slice(0, itemsMax)) });
      const nodes = await readNodeRows(db, { limit: itemsMax });
      await this.#tell(stream, 'nodes', { all: true, items: await toNodes(db, nodes.slice(0, itemsMax)) });
      stream.missed = null;
      for (const gateway of missed.gateways) this.#gateways.add(gateway);
      for (const node of missed.nodes) this.#nodes.add(node);
      this.#flush();
    } catch (error) {
      this.#log.warn({ err: error }, 'a stream of changes could not be started');
      response.destroy();
    }
  }

  commits({ commit, gateways }: CommitNews): void {
    if (this.#streams.size === 0) return;
    this.#commit = commit;
    for (const gateway of gateways) {
      this.#gateways.add(gateway);
      for (const { missed } of this.#streams) missed?.gateways.add(gateway);
    }
    this.#flush();
  }

  /** Takes note that a node reported; null = it is not known which. */
  node(node: string | null): void {
    if (this.#streams.size === 0 || node === null) return;
    this.#nodes.add(node);
    for (const { missed } of this.#streams) missed?.nodes.add(node);
    this.#flush();
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const { response } of this.#streams) response.end();
    this.#gateways.clear();
    this.#nodes.clear();
    await this.#flushing;
  }

  #flush(): void {
    this.#flushing ??= this.#flushAll()
      .catch((error: unknown) => this.#log.warn({ err: error }, 'changes could not be read'))
      .finally(() => {
        this.#flushing = null;
      });
  }

  /** Sends the first change at once; what follows closely goes together. */
  async #flushAll(): Promise<void> {
    while (this.#gateways.size + this.#nodes.size > 0) {
      const names = [...this.#nodes].slice(0, itemsMax);
      for (const name of names) this.#nodes.delete(name);
      if (names.length > 0) await this.#tellNodes(names);
      const gateways = [...this.#gateways].slice(0, itemsMax);
      for (const gateway of gateways) this.#gateways.delete(gateway);
      if (gateways.length > 0) await this.#tellGateways(gateways);
      await pause(spacingMs);
    }
  }

  async #tellNodes(names: readonly string[]): Promise<void> {
    const items = await toNodes(this.#db, await readNodeRows(this.#db, { nodes: names, limit: itemsMax }));
    for (const { gateways } of items) for (const { gateway } of gateways) this.#gateways.add(gateway);
    const there = new Set(items.map(({ node }) => node));
    const gone = names.filter((name) => !there.has(name));
    await this.#sayAll('nodes', { all: false, items, gone });
    // What one that left served is not known any more: every gateway may count its nodes anew.
    if (gone.length === 0) return;
    const rows = await readGatewayRows(this.#db, { deleted: 'without', limit: itemsMax });
    for (const { gateway } of rows.slice(0, itemsMax)) this.#gateways.add(gateway);
  }

  async #tellGateways(gateways: readonly string[]): Promise<void> {
    const rows = await readGatewayRows(this.#db, { gateways, deleted: 'with', limit: itemsMax });
    const items = await toSummaries(this.#db, rows);
    await this.#sayAll('gateways', { all: false, commit: this.#commit.toString(), items });
  }

  /** Compares the rows of agents with those told last, because nothing notifies of them. */
  async #tellClusters(): Promise<void> {
    if (this.#streams.size === 0) return;
    try {
      const items = (await readClusters(this.#db, '', itemsMax)).filter((item) => {
        const { agent, ...facts } = item;
        const { lastSeen: _, ageMs: __, ...said } = agent ?? { lastSeen: '', ageMs: 0 };
        const text = JSON.stringify([facts, said]);
        if (this.#clusters.get(item.name) === text) return false;
        this.#clusters.set(item.name, text);
        return true;
      });
      if (items.length > 0) await this.#sayAll('clusters', { all: false, items });
    } catch (error) {
      this.#log.warn({ err: error }, 'clusters could not be read');
    }
  }

  async #keepAlive(): Promise<void> {
    for (const stream of this.#streams) {
      const valid = await this.#isValid(stream.tokenId).catch(() => true);
      if (!valid) stream.response.end();
      else if (!stream.response.writableEnded) stream.response.write(': alive\n\n');
    }
  }

  async #sayAll(event: string, data: unknown): Promise<void> {
    const streams = [...this.#streams].filter(({ missed }) => missed === null);
    for (const [shown, some] of Map.groupBy(streams, (stream) => stream.shown)) {
      const json = await this.#personal.toJson(await this.#names.toShown(data), shown);
      for (const stream of some) say(stream, event, json);
    }
  }

  async #tell(stream: Stream, event: string, data: unknown): Promise<void> {
    say(stream, event, await this.#personal.toJson(await this.#names.toShown(data), stream.shown));
  }
}

function say({ response }: Stream, event: string, json: string): void {
  if (response.writableEnded || response.destroyed) return;
  if (response.writableLength > unreadMax) response.destroy();
  else response.write(`event: ${event}\ndata: ${json}\n\n`);
}
