// Names chains. A chain is where requests with the same demands on their clients meet: what is demanded is part of the
// name, so that a connection never reaches the routes of a chain that demands more of it, not even while the demands
// change.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { ClientValidation, ListenerEntry } from '#libs/snapshot/entry.ts';

/**
 * Gives the name of the chain that serves a listener hostname: first word of its scopes' keys. The port comes first.
 */
export function chainName(port: number, hostname: string, listener: ListenerEntry | undefined): string {
  if (listener === undefined || !['HTTPS', 'TLS'].includes(listener.protocol)) return `${port}`;
  const validation = validationName(listener.clientValidation);
  return validation === '' ? `${port}/${hostname}` : `${port}/${hostname}/${validation}`;
}

/** Gives a name for what is demanded of clients' certificates; '' = nothing. */
function validationName(validation: ClientValidation | undefined): string {
  if (validation === undefined) return '';
  const authorities = [...new Set(validation.authorities)].toSorted();
  return sha256(canonicalJson({ mode: validation.mode, authorities })).slice(0, 12);
}
