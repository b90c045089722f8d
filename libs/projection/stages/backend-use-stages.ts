// Wires who uses backends: the routes of a Gateway, and the filters of its listeners.
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group, Membership } from '#libs/derivation/group.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import type { GatewayModel } from '#libs/projection/model/gateway-model.ts';
import type { ListenerSetModel } from '#libs/projection/model/listener-set-model.ts';
import type { ListenerModel } from '#libs/projection/model/listeners.ts';
import type { Publication } from '#libs/projection/model/publish.ts';

export interface BackendUses {
  /** Groups: `gateway entry-key` of a backend; it has members where the gateway uses the backend. */
  readonly uses: Group<true>;
  /** Groups: place keys of Services; items are the gateways with a route or a listener that refers to it. */
  readonly referringGateways: Group<string>;
}

/** Describes what one object refers to for one gateway. */
type Use = Pick<Publication, 'gateway' | 'backends' | 'services'>;

/** Makes the groups. */
export function createBackendUses(
  engine: Derivation,
  publications: Stage<readonly Publication[]>,
  models: Stage<GatewayModel>,
  sets: Stage<ListenerSetModel>,
): BackendUses {
  const uses = engine
    .group<true>()
    .feed(publications, (key, list) => list.flatMap((use) => usesOf(key, use)))
    .feed(models, (key, { listeners }) => usesOf(`Gateway ${key}`, useOf(key, listeners)))
    .feed(sets, (key, { gateway, listeners }) => usesOf(`ListenerSet ${key}`, useOf(gateway, listeners)));
  const referringGateways = engine
    .group<string>()
    .feed(publications, (key, list) => list.flatMap((use) => referencesOf(key, use)))
    .feed(models, (key, { listeners }) => referencesOf(`Gateway ${key}`, useOf(key, listeners)))
    .feed(sets, (key, { gateway, listeners }) => referencesOf(`ListenerSet ${key}`, useOf(gateway, listeners)));
  return { uses, referringGateways };
}

function useOf(gateway: string, listeners: readonly ListenerModel[]): Use {
  const served = listeners.filter((listener) => listener.served);
  return {
    gateway,
    backends: [...new Set(served.flatMap(({ backends }) => backends))],
    services: [...new Set(served.flatMap(({ services }) => services))],
  };
}

function usesOf(member: string, { gateway, backends }: Use): readonly Membership<true>[] {
  return backends.map((backend) => ({ group: `${gateway} ${backend}`, member, item: true as const }));
}

function referencesOf(key: string, { gateway, services }: Use): readonly Membership<string>[] {
  return services.map((service) => ({ group: service, member: `${gateway} ${key}`, item: gateway }));
}
