// Parses TLSRoute, TCPRoute and UDPRoute, which take connections by their listener and, for TLS, by the server name of
// the handshake.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { parseParentRefs } from '#libs/gateway/fields/parent-ref.ts';
import { parseRouteHostnames } from '#libs/gateway/fields/route-hostnames.ts';
import type { StreamRoute } from './route-spec.ts';
import { ignoredFields } from '#libs/gateway/fields/ignored-fields.ts';
import { parseStreamRule } from './stream-rule.ts';

/** The standard has one rule at most; versions before it had 16. All but the first can never match. */
const rulesMax = 16;

/** Reads a TLSRoute. Whatever it holds, this gives a value. */
export function parseTlsRoute(object: KubeObject, namespace: string): StreamRoute {
  return parseStreamRoute('tls', object, namespace);
}

/** Reads a TCPRoute. */
export function parseTcpRoute(object: KubeObject, namespace: string): StreamRoute {
  return parseStreamRoute('tcp', object, namespace);
}

/** Reads a UDPRoute. */
export function parseUdpRoute(object: KubeObject, namespace: string): StreamRoute {
  return parseStreamRoute('udp', object, namespace);
}

function parseStreamRoute(type: StreamRoute['type'], object: KubeObject, namespace: string): StreamRoute {
  const { at, problems } = openBody(object, 'spec');
  const parentRefs = parseParentRefs(at, namespace);
  at.requiredObject();
  const hostnames = type === 'tls' ? parseRouteHostnames(at.field('hostnames'), 1024) : [];
  const items = at.field('rules').items(rulesMax);
  if (items.length === 0) at.field('rules').problem('must have at least one rule');
  const rules = items.map((item, index) => parseStreamRule(item, index, namespace));
  const ignored = ignoredFields(at, ['useDefaultGateways']);
  return { type, parentRefs, hostnames, rules: problems.length > 0 ? [] : rules, problems, ignored };
}
