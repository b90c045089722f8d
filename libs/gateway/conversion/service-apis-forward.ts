// Converts `forwardTo` of Service APIs 0.1 to a backendRef of v1.
import { fieldsOf, type Fields, present, toReference } from './conversion.ts';

/** Converts where a rule forwards to, without filters. A serviceName comes before a backendRef. */
export function forwardTo({ serviceName, backendRef, port, weight }: Fields): Fields {
  const ref =
    serviceName === undefined || serviceName === null ? fieldsOf(toReference(backendRef)) : { name: serviceName };
  return present({ ...ref, port, weight });
}
