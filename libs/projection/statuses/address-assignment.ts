// Gives each address that a Gateway asks for one that it has, of the routability that is asked for (GEP-5093). Entries
// are judged one by one, and none gets an address of another scope in its place.
import type { Address } from '#libs/gateway/data-plane/data-plane-service.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import type { AddressWish } from '#libs/gateway/objects/gateway.ts';
import type { Scopes } from '#libs/gateway/objects/served-api.ts';
import type { Delivery } from '#libs/projection/model/delivery/delivery.ts';

/** An address with from where it is reachable; '' = nothing is promised. */
interface ScopedAddress extends Address {
  readonly routability: string;
}

/** An entry of spec.addresses that has no address, and why. */
interface Unassigned {
  readonly index: number;
  readonly wish: AddressWish;
  readonly why: string;
}

interface Assignment {
  /** Of the entries that have one, in their order. */
  readonly addresses: readonly ScopedAddress[];
  readonly unassigned: readonly Unassigned[];
}

/** What is needed of a delivery. */
export type AddressSupply = Pick<Delivery, 'addresses' | 'services' | 'clusterAddresses' | 'extraAddresses'>;

const inCluster = 'Cluster';
/** Supported for the conformance tests; it promises nothing. */
const sentinel = 'testing.x-k8s.io/sentinel';

/** Says what is reachable from where, for a Gateway that asks for nothing. */
export function scoped(addresses: readonly Address[], scopes: Scopes, supply: AddressSupply): readonly ScopedAddress[] {
  const ofCluster = new Set(scopes === 'cluster' ? [...supply.clusterAddresses, ...supply.extraAddresses] : []);
  return addresses.map((address) => ({ ...address, routability: ofCluster.has(address.value) ? inCluster : '' }));
}

/** Assigns addresses; those who ask for the most choose first, so that nobody takes what only another could have. */
export function assignAddresses(wishes: readonly AddressWish[], scopes: Scopes, supply: AddressSupply): Assignment {
  const ofCluster = [...supply.clusterAddresses, ...supply.extraAddresses].map(toIpAddress);
  const known = new Set(supply.addresses.map(({ value }) => value));
  // A Service without a load balancer has nothing but its address in the cluster, and so have those beside it.
  const isBalanced = !supply.clusterAddresses.some((value) => known.has(value));
  const usual = isBalanced ? supply.addresses : [...supply.addresses, ...supply.extraAddresses.map(toIpAddress)];
  const free = { usual: scoped(usual, scopes, supply), ofCluster: scoped(ofCluster, scopes, supply) };
  const taken = new Set<string>();
  const given = new Map<number, ScopedAddress>();
  const ordered = wishes.map((wish, index) => ({ wish, index })).toSorted((a, b) => rank(a.wish) - rank(b.wish));
  for (const { wish, index } of ordered) {
    const found = candidates(wish, scopes, free).find((address) => !taken.has(address.value) && fits(address, wish));
    if (found === undefined) continue;
    taken.add(found.value);
    const routability = wish.routability === '' ? found.routability : wish.routability;
    given.set(index, { ...found, routability });
  }
  const unassigned = wishes.flatMap((wish, index) =>
    given.has(index) ? [] : [{ index, wish, why: whyUnassigned(wish, scopes, supply, taken) }],
  );
  return { addresses: wishes.flatMap((_, index) => given.get(index) ?? []), unassigned };
}

/** Tells whether an address is what is asked for; '' = any address of the type will do. */
export function fits(address: Address, { type, value }: Pick<AddressWish, 'type' | 'value'>): boolean {
  return address.type === type && (value === '' || address.value.toLowerCase() === value.toLowerCase());
}

function rank({ value, routability }: AddressWish): number {
  return (value === '' ? 4 : 0) + (routability === inCluster ? 0 : routability === '' ? 1 : 2);
}

function candidates(
  { routability }: AddressWish,
  scopes: Scopes,
  { usual, ofCluster }: { readonly usual: readonly ScopedAddress[]; readonly ofCluster: readonly ScopedAddress[] },
): readonly ScopedAddress[] {
  switch (routability) {
    case '':
      return usual;
    case sentinel:
      return [...usual, ...ofCluster];
    case inCluster:
      return scopes === 'cluster' ? ofCluster : [];
    default:
      return [];
  }
}

function whyUnassigned(
  { type, value, routability }: AddressWish,
  scopes: Scopes,
  { services }: AddressSupply,
  taken: ReadonlySet<string>,
): string {
  if (routability !== '' && routability !== inCluster && routability !== sentinel)
    return `routability ${JSON.stringify(routability)} is not supported`;
  if (routability === inCluster && type !== 'IPAddress')
    return `routability ${inCluster} is supported for addresses of type IPAddress only`;
  const [service] = services;
  if (routability === inCluster && (scopes !== 'cluster' || service === undefined))
    return `routability ${inCluster} takes a data plane that the agent provides, and there is none`;
  if (value !== '' && taken.has(value)) return `${value} is assigned to another entry`;
  if (value !== '')
    return service === undefined ? `no node has the address ${value}` : `Service ${service} was not given ${value}`;
  const kind = type === 'Hostname' ? 'a hostname' : 'an address';
  if (taken.size > 0) return `there is no further ${kind.replace(/^an? /u, '')}`;
  return service === undefined ? `no node has ${kind}` : `Service ${service} waits for ${kind}`;
}

function toIpAddress(value: string): Address {
  return { type: ipVersion(value) === 0 ? 'Hostname' : 'IPAddress', value };
}
