// Writes the addresses of a Gateway: those that it asks for, as far as it has them, or those that it has. Where the
// CRDs have the field, each says from where it is reachable, and the condition AddressesAssigned says what is missing.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import type { Address } from '#libs/gateway/data-plane/data-plane-service.ts';
import type { AddressWish } from '#libs/gateway/objects/gateway.ts';
import { condition, type Fault, listFacts } from '#libs/projection/model/conditions.ts';
import type { GatewayModel } from '#libs/projection/model/gateway-model.ts';
import { type AddressSupply, assignAddresses, fits, scoped } from './address-assignment.ts';

type Asking = Pick<GatewayModel, 'addresses' | 'scopes' | 'generation'>;

interface GatewayAddresses {
  readonly addresses: readonly Address[];
  /** Why the Gateway is not programmed. */
  readonly fault?: Fault;
  /** AddressesAssigned; absent where the CRDs do not know it, and before anything was assigned. */
  readonly assigned?: DesiredCondition;
}

/** Compares what is asked for with what there is. */
export function judgeAddresses({ addresses, scopes, generation }: Asking, supply: AddressSupply): GatewayAddresses {
  if (scopes === 'none') return compareAddresses(addresses, supply);
  if (addresses.length > 0) return judgeEntries({ addresses, scopes, generation }, supply);
  const judged = compareAddresses(addresses, supply);
  const shown = scoped(judged.addresses, scopes, supply);
  if (shown.length === 0) return judged;
  const all = { reason: 'AddressesAssigned', message: '' };
  return { ...judged, addresses: shown, assigned: condition('AddressesAssigned', 'True', all, generation) };
}

/** Judges entry by entry. A Gateway with addresses for some of them is programmed with these. */
function judgeEntries({ addresses: wishes, scopes, generation }: Asking, supply: AddressSupply): GatewayAddresses {
  const { addresses, unassigned } = assignAddresses(wishes, scopes, supply);
  const judge = (status: 'True' | 'False', reason: string, message: string): DesiredCondition =>
    condition('AddressesAssigned', status, { reason, message }, generation);
  if (unassigned.length === 0) return { addresses, assigned: judge('True', 'AddressesAssigned', '') };
  // Every entry is named, before the words for some of them.
  const named = unassigned.map(({ index }) => `spec.addresses[${index}]`).join(', ');
  const message = `without an address: ${named}: ${listFacts([...new Set(unassigned.map(({ why }) => why))])}`;
  // The conformance test GatewayStaticAddresses wants this reason for a static address that cannot be had, whatever
  // else is assigned; GEP-5093 has AddressNotAssigned where nothing is.
  const isUnusable = unassigned.some(({ wish }) => wish.value !== '' && wish.routability === '');
  if (addresses.length === 0) {
    const fault = { reason: isUnusable ? 'AddressNotUsable' : 'AddressNotAssigned', message };
    return { addresses, fault, assigned: judge('False', 'NotAssigned', message) };
  }
  const fault = isUnusable ? { fault: { reason: 'AddressNotUsable', message } } : {};
  return { addresses, ...fault, assigned: judge('False', 'PartiallyAssigned', message) };
}

function compareAddresses(wishes: readonly AddressWish[], { addresses, services }: AddressSupply): GatewayAddresses {
  const shown =
    wishes.length === 0 ? addresses : addresses.filter((address) => wishes.some((wish) => fits(address, wish)));
  const missing = wishes.filter((wish) => !addresses.some((address) => fits(address, wish)));
  const unusable = missing.flatMap(({ value }) => (value === '' ? [] : [value]));
  const [service] = services;
  if (unusable.length > 0) {
    const who = service === undefined ? 'no node has' : `Service ${service} was not given`;
    return {
      addresses: shown,
      fault: { reason: 'AddressNotUsable', message: `${who} the address ${listFacts(unusable)}` },
    };
  }
  if (missing.length === 0 && (service === undefined || addresses.length > 0)) return { addresses: shown };
  const kind = missing[0]?.type === 'Hostname' ? 'a hostname' : 'an address';
  const message = service === undefined ? `no node has ${kind}` : `Service ${service} waits for ${kind}`;
  return { addresses: shown, fault: { reason: 'AddressNotAssigned', message } };
}
