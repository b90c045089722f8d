// Writes redirects. The port of the Location is the rule's own, else the well-known one of the rule's scheme, else the
// listener's; well-known ports are left out. With a port offset, a port means where clients find it: 80 and 443 are
// offset as the listeners are, and so is the port of a rule that stays on the host.
import type { ListenerProtocol } from '#libs/snapshot/entry.ts';
import type { Redirect } from '#libs/gateway/filters/http-filter.ts';
import { type PathRewrite, redirectFields } from './path-change.ts';
import type { ProtoMessage } from './resources.ts';
import { isHostName } from './text-limits.ts';

export interface RedirectPlace {
  /** Port of the listener, without offset. */
  readonly port: number;
  readonly portOffset: number;
  readonly protocol: ListenerProtocol;
  /** Hostname of the scope; a pattern does not say what Host is. */
  readonly hostname: string;
}

/** An action, for requests whose Host has a port only, or for all. */
interface RedirectAction {
  readonly hostWithPort: boolean;
  readonly redirect: ProtoMessage;
}

const codes = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
} as const;

const wellKnown = { http: 80, https: 443 } as const;

/** Says why a redirect cannot be made, or gives undefined. */
export function redirectProblem({ hostname, port, statusCode }: Redirect): string | undefined {
  if (hostname !== undefined && !isHostName(hostname)) return 'the hostname of the redirect is not one';
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) return 'the port is not one';
  return statusCode in codes ? undefined : 'the status of the redirect is not one';
}

/** Gives the actions of a redirect, in the order in which they are tried. */
export function redirectActions(
  redirect: Redirect,
  rewrite: PathRewrite,
  place: RedirectPlace,
): readonly RedirectAction[] {
  const scheme = redirect.scheme ?? (place.protocol === 'HTTPS' ? 'https' : 'http');
  const port = visiblePort(redirect, place);
  const base = { scheme_redirect: scheme, ...redirectFields(rewrite), response_code: codes[redirect.statusCode] };
  const host = redirect.hostname ?? (place.hostname.startsWith('*') ? undefined : place.hostname);
  const hostField = host === undefined ? {} : { host_redirect: host };
  if (port !== wellKnown[scheme]) {
    return [{ hostWithPort: false, redirect: { ...base, ...hostField, port_redirect: port } }];
  }
  const plain = { hostWithPort: false, redirect: { ...base, ...hostField } };
  // Envoy keeps the port of Host unless it is given another.
  return host === undefined ? [{ hostWithPort: true, redirect: { ...base, port_redirect: port } }, plain] : [plain];
}

/** Says where clients find the target. */
function visiblePort(redirect: Redirect, { port, portOffset }: RedirectPlace): number {
  const { port: own, hostname, scheme } = redirect;
  if (own !== undefined && hostname !== undefined) return own;
  const target = own ?? (scheme === undefined ? port : wellKnown[scheme]);
  const visible = target + portOffset;
  return visible < 65_536 ? visible : target;
}
