// Compiles the listener resources of ports. A certificate that is not there or that Envoy would refuse is left out of
// its chain until it is right; a chain without any, or without an authority to ask for clients' certificates by, closes
// its connections.
import { conflictText } from '#libs/snapshot/port-arrangement.ts';
import { compareListeners } from '#libs/snapshot/precedence.ts';
import { authoritiesName } from '#libs/xds/envoy/authority.ts';
import {
  buildListener,
  buildTlsChain,
  type ListenerOptions,
  listenerName,
  type PortChains,
  type TlsChain,
} from './listener.ts';
import { type PortListener, type PortModel, type Transport } from './port-model.ts';
import type { ResourceTable } from './resource-table.ts';
import type { ProtoMessage } from '#libs/xds/envoy/resources.ts';
import type { SecretCompiler } from './secret-compiler.ts';
import type { ServerTls } from '#libs/xds/envoy/server-tls.ts';
import { streamClusterName } from '#libs/xds/envoy/stream-cluster.ts';
import type { StreamCompiler, StreamPlace } from './stream-compiler.ts';

const portMax = 65_535;

export class PortCompiler {
  readonly #table: ResourceTable;
  readonly #options: ListenerOptions;
  readonly #secrets: SecretCompiler;
  readonly #streams: StreamCompiler;
  /** Port → what a chain is made from, as text → its message. */
  readonly #built = new Map<number, ReadonlyMap<string, ProtoMessage>>();

  constructor(table: ResourceTable, secrets: SecretCompiler, streams: StreamCompiler, options: ListenerOptions) {
    this.#table = table;
    this.#secrets = secrets;
    this.#streams = streams;
    this.#options = options;
  }

  /** Brings the listener of a port up to date. */
  updatePort(port: number, transport: Transport, model: PortModel | undefined): void {
    const name = listenerName(port, transport);
    if (transport === 'tcp') {
      this.#secrets.use(userOfPort(port), new Set(servedAt(model).flatMap(secretsOf)));
      if (model?.family !== 'tls') this.#built.delete(port);
    }
    if (model === undefined || servedAt(model).length === 0 || !this.#canBind(port))
      this.#table.delete('listener', name);
    else {
      const message = buildListener(port, this.#chains(model), this.#options);
      this.#table.set({ type: 'listener', name, message });
    }
  }

  /** Says why listeners of a port are not served as they say. */
  problems(model: PortModel): readonly { readonly listener: PortListener; readonly reason: string }[] {
    const served = servedAt(model).toSorted(compareListeners);
    return [
      ...(this.#canBind(model.port)
        ? []
        : served.map((listener) => ({ listener, reason: 'its port with the port offset is not a port: not served' }))),
      ...model.ignored.map((one) => ({
        listener: one.listener,
        reason: `${conflictText(one)} on this node: not served`,
      })),
      ...served.flatMap((listener) => this.#secretProblems(listener).map((reason) => ({ listener, reason }))),
    ];
  }

  #secretProblems({ entry }: PortListener): readonly string[] {
    const describe = (what: string, key: string): readonly string[] => {
      const problem = this.#secrets.problem(key);
      return problem === undefined ? [] : [`the ${what} ${key} ${problem}`];
    };
    return [
      ...entry.certificates.flatMap((key) => describe('certificate', key)),
      ...(entry.clientValidation?.authorities ?? []).flatMap((key) => describe('authority', key)),
    ];
  }

  #chains(model: PortModel): PortChains {
    const { family, port } = model;
    switch (family) {
      case 'http':
        return { family };
      case 'tcp':
      case 'udp':
        return { family, cluster: streamClusterName({ family, port, hostname: '*' }) };
      case 'tls':
        break;
    }
    const places = this.#streams.placesOf(model);
    const chains = [...model.hostnames()].flatMap((owner) => this.#tlsChains(model, owner, places.get(owner) ?? []));
    return { family, chains: this.#buildChains(port, chains) };
  }

  /** What did not change keeps its object, and with it its bytes: a port may have a thousand chains. */
  #buildChains(port: number, chains: readonly TlsChain[]): readonly ProtoMessage[] {
    const before = this.#built.get(port);
    const now = new Map<string, ProtoMessage>();
    for (const chain of chains) {
      const text = JSON.stringify(chain);
      now.set(text, before?.get(text) ?? buildTlsChain(chain, this.#options.accessLog));
    }
    this.#built.set(port, now);
    return [...now.values()];
  }

  /** Gives the chains of a listener hostname: one for HTTP, one per hostname of routes else. */
  #tlsChains(model: PortModel, owner: string, places: readonly StreamPlace[]): readonly TlsChain[] {
    const own = { name: model.chainAt(owner), hostname: owner };
    // Not to be left out: its connections would fall to the chain of a wider hostname.
    const closed = { ...own, type: 'closed' } as const;
    const leader = model.leaderAt(owner);
    const isPassthrough = leader?.protocol === 'TLS' && leader.tlsMode === 'Passthrough';
    const tls = isPassthrough ? undefined : this.#serverTls(model, owner);
    if (tls === undefined && !isPassthrough) return [closed];
    if (tls !== undefined && model.servesHttpAt(owner)) return [{ ...own, type: 'http', tls }];
    const chains = places.map(({ hostname, cluster }): TlsChain => {
      const common = { name: `${model.port}/${hostname}`, hostname, cluster };
      return tls === undefined ? { ...common, type: 'passthrough' } : { ...common, type: 'terminate', tls };
    });
    return chains.some(({ hostname }) => hostname === owner) ? chains : [...chains, closed];
  }

  #serverTls(model: PortModel, owner: string): ServerTls | undefined {
    const keys = new Set(model.at(owner).flatMap(({ entry }) => entry.certificates));
    const certificates = [...keys].filter((key) => this.#secrets.isUsable(key));
    if (certificates.length === 0) return undefined;
    const validation = model.leaderAt(owner)?.clientValidation;
    if (validation === undefined) return { certificates };
    const authorities = authoritiesName(validation.authorities);
    if (!this.#secrets.isUsable(authorities)) return undefined;
    return { certificates, clients: { authorities, mode: validation.mode } };
  }

  #canBind(port: number): boolean {
    const { portOffset } = this.#options;
    return Number.isInteger(port) && port > 0 && port + portOffset > 0 && port + portOffset <= portMax;
  }
}

/** Gives the listeners of a port that are served. */
function servedAt(model: PortModel | undefined): readonly PortListener[] {
  return model === undefined ? [] : [...model.hostnames()].flatMap((hostname) => model.at(hostname));
}

/** Names of the secrets that a listener needs. */
function secretsOf({ entry }: PortListener): readonly string[] {
  const { certificates, clientValidation } = entry;
  return [...certificates, ...(clientValidation === undefined ? [] : [authoritiesName(clientValidation.authorities)])];
}

const userPrefix = 'port ';

/** Says how a port is called as a user of secrets. */
function userOfPort(port: number): string {
  return `${userPrefix}${port}`;
}

/** Gives the port that is called so, or undefined. */
export function portOfUser(user: string): number | undefined {
  return user.startsWith(userPrefix) ? Number(user.slice(userPrefix.length)) : undefined;
}
