// Holds the resources that Envoy should have, encoded. Equal content has an equal version, whichever process made it:
// an Envoy that comes back to another process of the node is sent nothing that it has.
import { createHash } from 'node:crypto';
import { encodeResource } from '#libs/xds/encode/encode.ts';
import { type ProtoValue, xdsTypes, type XdsResource, type XdsType } from '#libs/xds/envoy/resources.ts';
import type { WireResource } from './delta-subscription.ts';

export class AdsTables {
  readonly #tables: ReadonlyMap<XdsType, Map<string, WireResource>> = new Map(
    xdsTypes.map(({ type }) => [type, new Map<string, WireResource>()]),
  );
  /** Name of a cluster → name of its endpoints. */
  readonly #endpointsOf = new Map<string, string>();
  /** Name of a cluster → names of the secrets that it asks for, where there are any. */
  readonly #secretsOf = new Map<string, readonly string[]>();
  /** Listeners that choose routes by scope; one that only closes connections does not. */
  readonly #scopeUsers = new Set<string>();

  /** Gives a live view of the resources of a type, by name. */
  table(type: XdsType): ReadonlyMap<string, WireResource> {
    return this.#table(type);
  }

  /** Gives the name of the endpoints that a cluster asks for by EDS. */
  endpointsOf(cluster: string): string | undefined {
    return this.#endpointsOf.get(cluster);
  }

  /** Gives the names of the secrets that a cluster asks for. */
  secretsOf(cluster: string): readonly string[] {
    return this.#secretsOf.get(cluster) ?? [];
  }

  /** Tells whether Envoy asks for scopes because of this listener, or of any. */
  usesScopes(listener?: string): boolean {
    return listener === undefined ? this.#scopeUsers.size > 0 : this.#scopeUsers.has(listener);
  }

  /** Makes what an EDS name that is not in the table stands for: no endpoints. */
  emptyAssignment(name: string): WireResource {
    return toWire({ type: 'endpoints', name, message: { cluster_name: name } });
  }

  /** Puts resources in; returns those that changed anything. Throws for what cannot be encoded: then none is in. */
  set(resources: Iterable<XdsResource>): readonly XdsResource[] {
    const encoded = [...resources].map((resource) => ({ resource, wire: toWire(resource) }));
    const changed = encoded.filter(({ resource, wire }) => this.#set(resource, wire));
    return changed.map(({ resource }) => resource);
  }

  /** Takes a resource out; returns whether that changed anything. */
  remove(type: XdsType, name: string): boolean {
    if (type === 'cluster') {
      this.#endpointsOf.delete(name);
      this.#secretsOf.delete(name);
    }
    if (type === 'listener') this.#scopeUsers.delete(name);
    return this.#table(type).delete(name);
  }

  #set(resource: XdsResource, wire: WireResource): boolean {
    const { type, name } = resource;
    const table = this.#table(type);
    if (table.get(name)?.version === wire.version) return false;
    table.set(name, wire);
    if (type === 'cluster') this.#noteNeeds(resource);
    if (type === 'listener') this.#noteScopeUser(resource);
    return true;
  }

  #noteNeeds(cluster: XdsResource): void {
    const secrets = secretNamesIn(cluster.message['transport_socket']);
    if (secrets.length === 0) this.#secretsOf.delete(cluster.name);
    else this.#secretsOf.set(cluster.name, secrets);
    const endpoints = endpointsNameOf(cluster);
    if (endpoints === undefined) this.#endpointsOf.delete(cluster.name);
    else this.#endpointsOf.set(cluster.name, endpoints);
  }

  #noteScopeUser({ name, message }: XdsResource): void {
    if (JSON.stringify(message).includes('"scoped_routes":')) this.#scopeUsers.add(name);
    else this.#scopeUsers.delete(name);
  }

  #table(type: XdsType): Map<string, WireResource> {
    const table = this.#tables.get(type);
    if (table === undefined) throw new Error(`no table of ${type}`);
    return table;
  }
}

function toWire(resource: XdsResource): WireResource {
  const body = encodeResource(resource);
  return { name: resource.name, version: createHash('sha256').update(body).digest('hex').slice(0, 16), body };
}

/** Finds every name beside an `sds_config`: Envoy asks for those secrets. */
function secretNamesIn(value: ProtoValue | undefined): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.values(value).flatMap((field) => secretNamesIn(field));
  const name = 'sds_config' in value && 'name' in value ? value.name : undefined;
  return typeof name === 'string' ? [name, ...inside] : inside;
}

function endpointsNameOf({ name, message }: XdsResource): string | undefined {
  const source = message['eds_cluster_config'];
  if (typeof source !== 'object' || source === null) return undefined;
  const service = 'service_name' in source ? source['service_name'] : undefined;
  return typeof service === 'string' && service !== '' ? service : name;
}
