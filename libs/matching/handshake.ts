// Says what becomes of a TLS handshake: to which listener hostname it belongs, and whether its client is let in.
import type { ListenerEntry } from '#libs/snapshot/entry.ts';
import type { ClientTls } from './client-tls.ts';
import { ownerOf, type Place, type PortTable } from './port-table.ts';

/** Gives the place that takes a handshake, or why the connection is closed. */
export function shakeHands(
  port: PortTable,
  tls: ClientTls | undefined,
): { readonly place: Place; readonly name: string } | { readonly problem: string } {
  if (tls === undefined) return { problem: `port ${port.port} takes TLS, not plain text` };
  const name = (tls.serverName ?? '').toLowerCase();
  const place = ownerOf(port, name);
  if (place === undefined) {
    const what = name === '' ? 'a connection without server name' : `server name ${name}`;
    return { problem: `no listener of port ${port.port} is for ${what}` };
  }
  const [leader] = place.listeners;
  if (leader === undefined) return { problem: 'nothing listens' };
  const isTerminated = place.protocol === 'HTTPS' || leader.entry.tlsMode === 'Terminate';
  const problem = isTerminated ? terminationProblem(place, tls, leader.entry) : undefined;
  return problem === undefined ? { place, name } : { problem };
}

/** Of the listeners of one hostname the demands are the same, and certificates are all theirs. */
function terminationProblem(
  { hostname, listeners }: Place,
  { certificate }: ClientTls,
  { clientValidation: validation, refusesClients }: ListenerEntry,
): string | undefined {
  if (refusesClients === true) return `the listener for ${hostname} demands of clients what cannot be had`;
  if (listeners.every(({ entry }) => entry.certificates.length === 0))
    return `the listener for ${hostname} has no certificate`;
  if (validation?.mode !== 'AllowValidOnly') return undefined;
  if (certificate === undefined) return `the listener for ${hostname} demands a certificate of clients`;
  const { signedBy } = certificate;
  const isTrusted = signedBy === 'any' || validation.authorities.some((key) => signedBy.includes(key));
  return isTrusted ? undefined : `the listener for ${hostname} trusts no authority of the client's certificate`;
}
