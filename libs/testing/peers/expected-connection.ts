// Says what a client must get that connects and says `hello`, where the matcher is right.
import { type ServiceName, serviceNames, answersTo, services } from '#libs/testing/given/random-backends.ts';
import type { StreamConnection } from '#libs/matching/stream.ts';
import type { StreamVerdict, Verdict } from '#libs/matching/verdict.ts';
import { parseEntryKey } from '#libs/snapshot/entry-key.ts';

/**
 * Gives the answers that a verdict allows: `<service> hello`, `<service> for <server name> hello` by TLS, 'http' = it
 * is no request, 'nothing'.
 */
export function expectedAnswers(verdict: Verdict, connection: StreamConnection): ReadonlySet<string> {
  if (verdict.type === 'stream')
    return new Set(verdict.shares.map(({ backend }) => shareAnswer(backend, verdict, connection)));
  const protocol = verdict.type === 'closed' ? verdict.listener?.entry.protocol : undefined;
  const isHttp = protocol === 'HTTPS' || (protocol === 'HTTP' && connection.tls === undefined);
  return new Set([isHttp ? 'http' : 'nothing']);
}

function shareAnswer(
  backend: StreamVerdict['shares'][number]['backend'],
  { listener }: StreamVerdict,
  { tls }: StreamConnection,
): string {
  if ('invalid' in backend) return 'nothing';
  const name = serviceOf(backend.key);
  if (listener.entry.tlsMode === 'Terminate') {
    if (!answersTo(name, backend.tls)) return 'nothing';
    return backend.tls === undefined ? `${name} hello` : `${name} for ${backend.tls.hostname} hello`;
  }
  const { speaksTls } = services[name];
  if (speaksTls !== (tls !== undefined)) return 'nothing';
  return speaksTls ? `${name} for ${tls?.serverName ?? false} hello` : `${name} hello`;
}

/** Gives the service that an entry key of a backend names; the test's own entries name no others. */
export function serviceOf(key: string): ServiceName {
  const parsed = parseEntryKey(key);
  const service = parsed?.type === 'backend' ? parsed.port.service : '';
  const found = serviceNames.find((name) => name === service);
  if (found === undefined) throw new Error(`${key} is of no service`);
  return found;
}
