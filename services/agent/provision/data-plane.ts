// Decides which data planes there should be: one for each Gateway that wants one, or one for a class whose Gateways
// share it.
import type { DesiredDataPlane, DesiredStatus } from '#libs/events/agent-exchange.ts';
import { dataPlaneName, sharedDataPlaneName } from '#libs/gateway/data-plane/data-plane-name.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';

/** Names a Gateway with a wish for a data plane, and its class. */
export interface WantedPlane {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly className: string;
  readonly wish: DesiredDataPlane;
}

interface Owner {
  readonly apiVersion: string;
  readonly kind: 'Gateway' | 'GatewayClass';
  readonly name: string;
  readonly uid: string;
}

/** Says from what one set of objects is made. */
export interface DataPlane {
  readonly namespace: string;
  /** Of all its objects. */
  readonly name: string;
  readonly className: string;
  /** Null where a class is shared whose object is not known. */
  readonly owner: Owner | null;
  /** namespace/name, ordered. */
  readonly gateways: readonly string[];
  readonly wish: DesiredDataPlane;
}

/** Takes the wanted plane from a status; null = none is wanted. */
export function wantedPlane(desired: DesiredStatus, className: string | undefined): WantedPlane | null {
  const { namespace, name, uid, dataPlane: wish } = desired;
  if (desired.kind !== 'Gateway' || wish === undefined || className === undefined) return null;
  return { namespace, name, uid, className, wish };
}

/** Plans a data plane for each Gateway, and one in the agent's own namespace for all that share their class's. */
export function planDataPlanes(
  wanted: Iterable<WantedPlane>,
  agentNamespace: string,
  classUid: (className: string) => string | undefined,
): readonly DataPlane[] {
  const own: DataPlane[] = [];
  const shared = new Map<string, WantedPlane[]>();
  for (const plane of wanted) {
    if (plane.wish.parameters.merge === 'none') own.push(ownPlane(plane));
    else shared.set(plane.className, [...(shared.get(plane.className) ?? []), plane]);
  }
  const merged = [...shared].map(([className, planes]) =>
    sharedPlane(className, planes, agentNamespace, classUid(className)),
  );
  return [...own, ...merged];
}

const apiVersion = 'gateway.networking.k8s.io/v1';

function ownPlane({ namespace, name, uid, className, wish }: WantedPlane): DataPlane {
  const owner = { apiVersion, kind: 'Gateway', name, uid } as const;
  return {
    namespace,
    name: dataPlaneName(name, className),
    className,
    owner,
    gateways: [toNamespacedKey({ namespace, name })],
    wish,
  };
}

/** Joins everything that one of the Gateways wants; where they differ, the first by name decides. */
function sharedPlane(
  className: string,
  planes: readonly WantedPlane[],
  namespace: string,
  uid: string | undefined,
): DataPlane {
  const ordered = planes.toSorted((a, b) => (toNamespacedKey(a) < toNamespacedKey(b) ? -1 : 1));
  const wishes = ordered.map(({ wish }) => wish);
  const ports = new Map(wishes.flatMap((wish) => wish.ports.map((port) => [`${port.port}/${port.protocol}`, port])));
  const [first] = wishes;
  const parameters = first?.parameters ?? { replicas: 1, serviceType: 'LoadBalancer', merge: 'class' };
  return {
    namespace,
    name: sharedDataPlaneName(className),
    className,
    owner: uid === undefined ? null : { apiVersion, kind: 'GatewayClass', name: className, uid },
    gateways: ordered.map(toNamespacedKey),
    wish: {
      ports: [...ports.values()].toSorted((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1)),
      labels: Object.assign({}, ...wishes.toReversed().map(({ labels }) => labels)),
      annotations: Object.assign({}, ...wishes.toReversed().map(({ annotations }) => annotations)),
      addresses: [...new Set(wishes.flatMap(({ addresses }) => addresses))],
      parameters,
    },
  };
}
