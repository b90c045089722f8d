// For tests: runs control as it is, on a database of its own, with a token of each role; and nodes that speak the real
// protocol.
import { WebSocket } from 'ws';
import { NodeSession } from '#libs/protocol/node-session.ts';
import type { HubMessage, NodeMessage, SnapshotMessage } from '#libs/protocol/messages.ts';
import { parseHubText } from '#libs/protocol/parse-hub-message.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { type Teardown, testLogger, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { startControl } from '../control.ts';
import { controlOptions } from '../options.ts';
import { FleetWriter } from './fleet-writer.ts';
import { type Role, roles } from '#libs/api/role.ts';
import { createToken } from '../access/tokens.ts';

export interface Fixture {
  readonly url: string;
  readonly databaseUrl: string;
  readonly writer: FleetWriter;
  readonly tokens: Readonly<Record<Role, string>>;
  readonly control: RunningControl;
}

interface RunningControl {
  readonly port: number;
  stop(): Promise<void>;
}

const nobodyThere = 'nats://127.0.0.1:9';

/** Starts control with a database of its own. `flags` = options beside the usual ones. */
export async function startFixture(
  t: Teardown,
  natsUrl = nobodyThere,
  flags: Readonly<Record<string, string>> = {},
): Promise<Fixture> {
  const { url: databaseUrl } = await throwawayPostgres(t);
  const postgres = openPostgres({ url: databaseUrl, log: testLogger() });
  const entries: [Role, string][] = [];
  for (const role of roles)
    entries.push([role, (await createToken(postgres.db, { name: `test ${role}`, role }, localDoer())).token]);
  await postgres.close();
  const writer = new FleetWriter(databaseUrl);
  const control = await startReplica(t, databaseUrl, natsUrl, flags);
  t.teardown(() => writer.close());
  return { url: `http://127.0.0.1:${control.port}`, databaseUrl, writer, tokens: tokensOf(entries), control };
}

/** Starts one more control on the same database. */
export async function startReplica(
  t: Teardown,
  databaseUrl: string,
  natsUrl = nobodyThere,
  more: Readonly<Record<string, string>> = {},
): Promise<RunningControl> {
  const flags = { port: '0', databaseUrl, natsUrl, requestsPerSecond: '10000', ...more };
  const control = await startControl(
    readOptions(controlOptions, flags, {}),
    testLogger('control'),
    new AbortController().signal,
  );
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= control.stop());
  t.teardown(stop);
  return { port: control.port, stop };
}

/** A node of the test's own: the real session, an Envoy that takes everything at once unless `mood` says otherwise. */
export class TestNode {
  readonly messages: HubMessage[] = [];
  mood: 'apply' | 'reject' | 'hold' = 'apply';
  session: NodeSession;
  socket: WebSocket | null = null;
  closed: { readonly code: number; readonly reason: string } | null = null;
  readonly #name: string;
  readonly #serves: readonly string[];

  constructor(name: string, serves: readonly string[] = ['*/*/*']) {
    this.#name = name;
    this.#serves = serves;
    this.session = this.#newSession();
  }

  get snapshots(): readonly SnapshotMessage[] {
    return this.messages.filter((message) => message.type === 'snapshot');
  }

  /** Connects and says hello. */
  async connect(port: number, token: string): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/node`, { headers: { authorization: `Bearer ${token}` } });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    this.socket = socket;
    this.closed = null;
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => this.#receive(data.toString('utf8')));
    socket.on('close', (code, reason) => {
      if (this.socket === socket) this.closed = { code, reason: String(reason) };
    });
    this.send(this.session.hello());
  }

  send(message: NodeMessage): void {
    this.socket?.send(JSON.stringify(message));
  }

  /** Waits until it serves the version. */
  serves(gateway: string, version: number): Promise<unknown> {
    return eventually(() => this.session.held().some((held) => held.gateway === gateway && held.version === version));
  }

  /** Lists the discovery that it holds: key → hash. */
  get discovery(): Readonly<Record<string, string>> {
    return this.session.hello().discovery;
  }

  /** Lists what it serves: key → hash. */
  entries(gateway: string): ReadonlyMap<string, string> {
    const content = this.session.content().gateways.find((held) => held.gateway === gateway);
    return new Map([...(content?.entries ?? [])].map(([key, { hash }]) => [key, hash]));
  }

  async disconnect(): Promise<void> {
    const { socket } = this;
    if (socket === null || socket.readyState === socket.CLOSED) return;
    await new Promise<void>((resolve) => {
      socket.once('close', () => resolve());
      socket.terminate();
    });
  }

  /** Ends an activation that was held back. */
  finish(how: 'apply' | 'reject'): void {
    this.#carryOut(how === 'apply' ? this.session.applied(performance.now()) : this.session.rejected(['mood']));
  }

  #newSession(): NodeSession {
    return new NodeSession({
      node: this.#name,
      version: '0.1.0',
      labels: { zone: 'a' },
      serves: this.#serves,
      addresses: ['192.0.2.1'],
    });
  }

  #receive(text: string): void {
    const parsed = parseHubText(text);
    if (!('message' in parsed)) throw new Error(`the hub sent what a node does not take: ${text.slice(0, 200)}`);
    this.messages.push(parsed.message);
    this.#carryOut(this.session.receive(parsed.message, performance.now()));
  }

  #carryOut(effects: ReturnType<NodeSession['receive']>): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.send(effect.message);
      if (effect.type === 'activate' && this.mood !== 'hold') this.finish(this.mood);
    }
  }
}

function tokensOf(entries: readonly (readonly [Role, string])[]): Readonly<Record<Role, string>> {
  const byRole = new Map(entries);
  const of = (role: Role): string => byRole.get(role) ?? '';
  return {
    viewer: of('viewer'),
    operator: of('operator'),
    admin: of('admin'),
    node: of('node'),
    provisioner: of('provisioner'),
  };
}
