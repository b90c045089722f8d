// Writes the addresses of a Gateway: those that it asks for, as far as it has them, or those that it has.
import type { Address } from '#libs/gateway/data-plane/data-plane-service.ts';
import type { AddressWish } from '#libs/gateway/objects/gateway.ts';
import { type Fault, listFacts } from '#libs/projection/model/conditions.ts';
import type { Delivery } from '#libs/projection/model/delivery/delivery.ts';

interface GatewayAddresses {
  readonly addresses: readonly Address[];
  /** Why the Gateway is not programmed. */
  readonly fault?: Fault;
}

/** Compares what is asked for with what there is. */
export function judgeAddresses(
  wishes: readonly AddressWish[],
  { addresses, services }: Pick<Delivery, 'addresses' | 'services'>,
): GatewayAddresses {
  const shown =
    wishes.length === 0 ? addresses : addresses.filter((address) => wishes.some((wish) => fulfils(address, wish)));
  const missing = wishes.filter((wish) => !addresses.some((address) => fulfils(address, wish)));
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

/** Tells whether an address is what is asked for; '' = any address of the type will do. */
function fulfils(address: Address, { type, value }: AddressWish): boolean {
  return address.type === type && (value === '' || address.value.toLowerCase() === value.toLowerCase());
}
