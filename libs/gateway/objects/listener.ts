// Parses listeners, of Gateways and ListenerSets alike. One that cannot be read is a value with its problems; the
// others stand.
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { type ListenerFilter, parseListenerFilters } from '#libs/gateway/filters/listener-filter.ts';
import { ignoredFields } from '#libs/gateway/fields/ignored-fields.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import { type LabelSelector, parseLabelSelector } from '#libs/gateway/fields/label-selector.ts';
import { groupName, kindName, sectionName, wildcardHostname } from '#libs/gateway/fields/names.ts';
import { type ObjectRef, parseObjectRef } from '#libs/gateway/fields/object-ref.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** Which namespaces' objects may attach. */
export type AllowedNamespaces =
  | { readonly from: 'All' | 'Same' | 'None' }
  | { readonly from: 'Selector'; readonly selector: LabelSelector };

export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

type TlsMode = 'Terminate' | 'Passthrough';

export interface ReadableListener {
  readonly name: string;
  readonly port: number;
  /** As written; HTTP, HTTPS, TLS, TCP and UDP are the ones that are served. */
  readonly protocol: string;
  /** Present on TLS listeners; HTTPS ones always terminate. */
  readonly tlsMode?: TlsMode;
  /** Lower case; '*' = any host, and on TCP and UDP listeners always. */
  readonly hostname: string;
  /** Empty where TLS is not terminated. */
  readonly certificateRefs: readonly ObjectRef[];
  readonly namespaces: AllowedNamespaces;
  /** Empty = those that fit the protocol. */
  readonly kinds: readonly RouteKind[];
  /** What runs on every request before rules are asked, in this order. */
  readonly filters: readonly ListenerFilter[];
}

/**
 * A listener with `problems` is not accepted. Where its port, protocol and hostname can be read all the same, it is
 * what those say, so that its hostname is not left to the listener of a wider one; else it is at most a protocol.
 */
export type Listener =
  | (ReadableListener & { readonly problems?: readonly Problem[] })
  | (Pick<Partial<ReadableListener>, 'protocol' | 'tlsMode'> & {
      readonly name: string;
      readonly port?: undefined;
      readonly problems: readonly Problem[];
    });

const listenersMax = 64;

/** Parses `listeners` of a spec. Those without a usable name are noted and left out. */
export function parseListeners(spec: Cursor, namespace: string): readonly Listener[] {
  const items = spec.field('listeners').items(listenersMax);
  if (items.length === 0) spec.field('listeners').problem('must have at least one listener');
  const listeners = new Map<string, Listener>();
  for (const item of items) {
    item.requiredObject();
    const name = item.field('name').requiredText(sectionName);
    if (name === undefined) continue;
    if (listeners.has(name)) item.field('name').problem(`${JSON.stringify(name)} is used by two listeners`);
    else listeners.set(name, parseListener(item, name, namespace));
  }
  return [...listeners.values()];
}

/** Gives the paths of fields of listeners that are left out: no options are known. */
export function ignoredInListeners(spec: Cursor): readonly string[] {
  return spec
    .field('listeners')
    .into([])
    .items(listenersMax)
    .flatMap((item) => ignoredFields(item.field('tls'), ['options']));
}

/** Parses `namespaces` of allowedRoutes or allowedListeners. */
export function parseAllowedNamespaces(at: Cursor, absent: 'Same' | 'None'): AllowedNamespaces {
  if (at.object() === undefined) return { from: absent };
  const from = at.field('from').oneOf(['All', 'Same', 'Selector', 'None']) ?? absent;
  if (from !== 'Selector') return { from };
  if (at.field('selector').requiredObject() === undefined) return { from: 'None' };
  return { from, selector: parseLabelSelector(at.field('selector')) };
}

function parseListener(item: Cursor, name: string, namespace: string): Listener {
  const problems: Problem[] = [];
  const at = item.into(problems);
  const port = at.field('port').present ? at.field('port').integer(1, 65535) : at.field('port').problem('is missing');
  const protocol = at.field('protocol').requiredText({ min: 1, max: 255 });
  const hostname = parseHostname(at.field('hostname'), protocol);
  const tls = parseTls(at.field('tls'), protocol, namespace);
  const before = problems.length;
  const allowed = parseAllowedNamespaces(at.field('allowedRoutes').field('namespaces'), 'Same');
  // A selector that cannot be read selects nobody.
  const namespaces = problems.length === before ? allowed : ({ from: 'None' } as const);
  const kinds = parseKinds(at.field('allowedRoutes').field('kinds'));
  at.field('allowedRoutes').object();
  if (port === undefined || protocol === undefined || hostname === undefined) {
    const { tlsMode } = tls;
    return {
      name,
      ...(protocol === undefined ? {} : { protocol }),
      ...(tlsMode === undefined ? {} : { tlsMode }),
      problems,
    };
  }
  const filters = parseListenerFilters(at.field('filters'), protocol, namespace);
  const readable = { name, port, protocol, hostname, ...tls, namespaces, kinds, filters };
  return problems.length === 0 ? readable : { ...readable, problems };
}

/** "This field is ignored for protocols that don't require hostname based matching." */
function parseHostname(at: Cursor, protocol: string | undefined): string | undefined {
  if (!at.present || protocol === 'TCP' || protocol === 'UDP' || at.into([]).text() === '') return '*';
  const hostname = at.text(wildcardHostname);
  if (hostname === undefined || ipVersion(hostname) === 0) return hostname;
  at.problem('must not be an IP address');
  return undefined;
}

function parseTls(
  tls: Cursor,
  protocol: string | undefined,
  namespace: string,
): Pick<ReadableListener, 'tlsMode' | 'certificateRefs'> {
  const none = { certificateRefs: [] };
  if (protocol !== undefined && ['HTTP', 'TCP', 'UDP'].includes(protocol) && tls.present)
    tls.problem(`must not be set on a listener with protocol ${protocol}`);
  if (protocol !== 'HTTPS' && protocol !== 'TLS') return none;
  if (tls.requiredObject() === undefined) return protocol === 'TLS' ? { tlsMode: 'Terminate', ...none } : none;
  const mode = tls.field('mode').oneOf(['Terminate', 'Passthrough']);
  // Of earlier versions of the API. Serving without the check would open what the user wants closed.
  if (tls.field('frontendValidation').present)
    tls.field('frontendValidation').problem('is not read; client certificates are demanded by spec.tls.frontend');
  if (protocol === 'TLS') {
    // Without a mode it is Terminate: the one default of the CRDs that would mean another thing where no API server
    // fills it in.
    if (mode === 'Passthrough') return { tlsMode: mode, certificateRefs: [] };
  } else if (mode === 'Passthrough') tls.field('mode').problem('must be Terminate on an HTTPS listener');
  const certificateRefs = tls
    .field('certificateRefs')
    .items(64)
    .flatMap((item) => parseObjectRef(item, namespace, 'Secret') ?? []);
  return { ...(protocol === 'TLS' ? { tlsMode: 'Terminate' as const } : {}), certificateRefs };
}

function parseKinds(at: Cursor): readonly RouteKind[] {
  return at.items(8).flatMap((item) => {
    if (item.requiredObject() === undefined) return [];
    const group = item.field('group').present ? item.field('group').text(groupName) : gatewayGroup;
    const kind = item.field('kind').requiredText(kindName);
    return group === undefined || kind === undefined ? [] : [{ group, kind }];
  });
}
