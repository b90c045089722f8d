// Wires the stages that decide, for Gateways that share nodes, which listener of which Gateway has a port and a
// hostname there. Nodes that serve the same Gateways are one pool, so that the cost is that of pools, not of nodes. A
// port that one Gateway has alone on its pools costs nothing more.
//
//   listeners × pools ──▶ ports ──▶ arranged ──▶ lost (listeners)      owners ──▶ what rules lose to another Gateway
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group, Membership } from '#libs/derivation/group.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import { listenerEntry, type ListenerModel } from '#libs/projection/model/listeners.ts';
import type { GatewayModel } from '#libs/projection/model/gateway-model.ts';
import type { ListenerSetModel } from '#libs/projection/model/listener-set-model.ts';
import type { Fault } from '#libs/projection/model/conditions.ts';
import {
  type ArrangedListener,
  arrangePort,
  conflictText,
  coveringHostnames,
  type IgnoredListener,
} from '#libs/snapshot/port-arrangement.ts';

/** Says who has a hostname on a shared port. */
interface HostnameOwner {
  /** Of the listeners, not of the rule. */
  readonly hostname: string;
  /** Their Gateways and listeners as `gateway listener`, the one that comes first is first. */
  readonly listeners: readonly string[];
  readonly gateway: string;
}

export interface PlaneStages {
  /** Groups: `gateway listener`; members are the shared ports where it lost to a listener of another Gateway. */
  readonly lost: Group<Fault>;
  /**
   * Groups: `gateway listener`; members and items are the ports that it shares with other Gateways: keys of `owners`
   * begin with them.
   */
  readonly shared: Group<string>;
  /** Keys: `<shared port> <hostname>`. */
  readonly owners: Stage<HostnameOwner>;
}

interface PlaneListener extends ArrangedListener {
  /** `gateway listener`. */
  readonly id: string;
}

interface ArrangedPort {
  readonly served: readonly { readonly hostname: string; readonly listeners: readonly PlaneListener[] }[];
  readonly ignored: readonly IgnoredListener<PlaneListener>[];
}

/** Makes the stages. `poolsOf` has the pools of a Gateway as its members. */
export function createPlaneStages(
  engine: Derivation,
  models: Stage<GatewayModel>,
  sets: Stage<ListenerSetModel>,
  poolsOf: Group<string>,
): PlaneStages {
  const ports = createPortGroup(engine, models, sets, poolsOf);
  const arranged = engine.stage({
    name: 'shared port',
    each: ports,
    compute: (key, read): ArrangedPort | undefined => {
      const listeners = read.list(ports, key);
      const [first] = listeners;
      if (first === undefined || listeners.every(({ gateway }) => gateway === first.gateway)) return undefined;
      const { byHostname, ignored } = arrangePort(listeners);
      return { served: [...byHostname].map(([hostname, own]) => ({ hostname, listeners: own })), ignored };
    },
  });
  const lost = engine.group<Fault>().feed(arranged, (key, { ignored }) =>
    ignored.map((one) => {
      const message = `${conflictText(one)} on nodes that serve both: not served there`;
      return { group: one.listener.id, member: key, item: { reason: one.reason, message } };
    }),
  );
  const shared = engine.group<string>().feed(arranged, (key, { served, ignored }) => {
    const all = [...served.flatMap(({ listeners }) => listeners), ...ignored.map(({ listener }) => listener)];
    return all.map(({ id }) => ({ group: id, member: key, item: key }));
  });
  const at = engine.group<HostnameOwner>().feed(arranged, (key, { served }) =>
    served.map(({ hostname, listeners }) => ({
      group: `${key} ${hostname}`,
      member: '',
      item: ownerOf(hostname, listeners),
    })),
  );
  const owners = engine.stage({
    name: 'owner of a hostname on a shared port',
    compute: (key, read): HostnameOwner | undefined => {
      const end = key.lastIndexOf(' ');
      const [port, hostname] = [key.slice(0, end), key.slice(end + 1)];
      for (const wider of coveringHostnames(hostname)) {
        const [owner] = read.list(at, `${port} ${wider}`);
        if (owner !== undefined) return owner;
      }
      return undefined;
    },
  });
  return { lost, shared, owners };
}

function ownerOf(hostname: string, listeners: readonly PlaneListener[]): HostnameOwner {
  return { hostname, listeners: listeners.map(({ id }) => id), gateway: listeners[0]?.gateway ?? '' };
}

/** Makes the group of what is on each port of a pool. Groups: `pool transport/port`. */
function createPortGroup(
  engine: Derivation,
  models: Stage<GatewayModel>,
  sets: Stage<ListenerSetModel>,
  poolsOf: Group<string>,
): Group<PlaneListener> {
  const placed = (
    gateway: string,
    listeners: readonly ListenerModel[],
    createdAt: string,
    read: Read,
  ): readonly Membership<PlaneListener>[] => {
    const pools = read.list(poolsOf, gateway);
    return listeners.flatMap((listener) => {
      const entry = listenerEntry(listener, createdAt);
      if (entry === undefined) return [];
      const id = `${gateway} ${entry.name}`;
      const transport = entry.protocol === 'UDP' ? 'udp' : 'tcp';
      const item: PlaneListener = { id, gateway, entry };
      return pools.map((pool) => ({ group: `${pool} ${transport}/${entry.port}`, member: id, item }));
    });
  };
  const own = engine.stage({
    name: 'gateway on its pools',
    each: models,
    compute: (key, read) => {
      const model = read.get(models, key);
      return model?.fault === undefined ? model && placed(key, model.listeners, model.createdAt, read) : undefined;
    },
  });
  const ofSets = engine.stage({
    name: 'listener set on its pools',
    each: sets,
    compute: (key, read) => {
      const set = read.get(sets, key);
      if (set === undefined || set.refusal !== undefined) return undefined;
      return placed(set.gateway, set.listeners, set.gatewayCreatedAt, read);
    },
  });
  return engine
    .group<PlaneListener>()
    .feed(own, (_, list) => list)
    .feed(ofSets, (_, list) => list);
}
