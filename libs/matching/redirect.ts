// Builds the Location of a redirect. Its port is the rule's own, else the well-known one of the rule's scheme, else the
// listener's; the well-known port of the scheme is not said (HTTPRequestRedirectFilter.port).
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import type { Redirect } from '#libs/gateway/filters/http-filter.ts';
import { changePath } from './path-change.ts';
import type { ReadRequest } from './request.ts';

const wellKnown = { http: 80, https: 443 } as const;

export interface RedirectContext {
  readonly match: HttpMatch;
  /** Port of the listener. */
  readonly port: number;
  /** Added to the ports of listeners by the node. */
  readonly portOffset: number;
  /** Of the rule, where it is attached. */
  readonly hostname: string;
}

/** Says where the client is sent, or why nowhere. */
export function locationOf(
  redirect: Redirect,
  request: ReadRequest,
  context: RedirectContext,
): string | { readonly problem: string } {
  const scheme = redirect.scheme ?? request.scheme;
  const path = redirect.path === undefined ? request.path : changePath(request.path, redirect.path, context.match.path);
  if (typeof path !== 'string') return path;
  const { hostname } = context;
  const own = hostname.startsWith('*') ? request.authority.replace(/:\d*$/, '') : hostname;
  const port = portOf(redirect, context);
  const suffix = port === wellKnown[scheme] ? '' : `:${port}`;
  return `${scheme}://${redirect.hostname ?? own}${suffix}${path}${request.query}`;
}

/** With an offset, a port means where clients find it, unless the rule names a port on another host. */
function portOf({ port, hostname, scheme }: Redirect, context: RedirectContext): number {
  if (port !== undefined && hostname !== undefined) return port;
  const target = port ?? (scheme === undefined ? context.port : wellKnown[scheme]);
  return target + context.portOffset < 65_536 ? target + context.portOffset : target;
}
