// Names which hosts, paths and parents an object speaks of, as texts by which the history finds what touched them, and
// says which of the texts to look for. What is found here is stored: a change of it needs a migration that fills the
// table object_mentions anew. Total: what an object has in a wrong form is left out.
//
//   h:moc.elpmaxe.pohs   a hostname of a route, an Ingress or a listener, from its end; `h:*` = it names none
//   p=/cart              a rule for one path         p</cart   a rule for what lies at or below, `p<` = for all
//   p~/api/v             a rule by an expression that begins so; what is too long is cut to such a one, too
//   g:Gateway/eu/infra/web   a parent
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import type { ObjectName } from './object-key.ts';
import { serviceApisGroup } from './kinds.ts';

type Fields = Readonly<Record<string, unknown>>;

/** Where an object is. */
interface Place {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
}

const hostPattern = /^(\*\.)?[-a-z0-9_]+(\.[-a-z0-9_]+)*$/;
const namePattern = /^[-a-z0-9.]{1,253}$/;
const hostMax = 253;
const pathMax = 200;
const mentionsMax = 2000;
const anyHost = 'h:*';
const oldRoute = `HTTPRoute.${serviceApisGroup}`;

const withHosts = new Set(['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'Ingress', oldRoute, `TLSRoute.${serviceApisGroup}`]);
const withListeners = new Set(['Gateway', 'ListenerSet', `Gateway.${serviceApisGroup}`]);
const withPaths = new Set(['HTTPRoute', 'GRPCRoute', 'Ingress', oldRoute]);
const withParents = new Set(['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute', 'ListenerSet']);

/** Lists the kinds of which something is found. */
export const mentioningKinds: readonly string[] = [...new Set([...withHosts, ...withListeners, ...withParents])];

/** Gives what an object mentions in its spec, each once. */
export function mentionsOf(place: Place, spec: unknown): ReadonlySet<string> {
  if (!isRecord(spec)) return new Set();
  const { kind } = place;
  const found = new Set<string>();
  if (withHosts.has(kind)) for (const host of hostsOfRoute(spec)) found.add(host);
  if (withListeners.has(kind))
    for (const { hostname } of recordsOf(spec['listeners'])) for (const host of hostOf(hostname)) found.add(host);
  if (withPaths.has(kind)) for (const path of pathsOf(kind, spec)) found.add(path);
  if (withParents.has(kind)) for (const parent of parentsOf(place, spec)) found.add(parent);
  return found.size <= mentionsMax ? found : new Set([...found].slice(0, mentionsMax));
}

/** What to look for: each of the terms, and everything that begins with the prefix. */
export interface Wanted {
  readonly terms: readonly string[];
  readonly prefix?: string;
}

/** Says what finds a host: itself and the wildcards over it; for a wildcard also what lies below. `*` = no host. */
export function wantedHost(host: string): Wanted {
  const lower = host.toLowerCase();
  if (lower === '*') return { terms: [anyHost] };
  const labels = (lower.startsWith('*.') ? lower.slice(2) : lower).split('.');
  const wider = labels.map((_, index) => `*.${labels.slice(index).join('.')}`);
  if (lower.startsWith('*.')) return { terms: wider.map(toHostTerm), prefix: `${toHostTerm(labels.join('.'))}.` };
  return { terms: [lower, ...wider.slice(1)].map(toHostTerm) };
}

/** Says what finds a path: the rules for it, for what is above it, and by expressions that begin as it does. */
export function wantedPath(path: string): Wanted {
  const segments = path.split('/').slice(1);
  const above = segments.map((_, index) => `p<${pathText(segments.slice(0, index + 1))}`);
  const expressions = Array.from({ length: Math.min(path.length, pathMax) + 1 }, (_, end) => `p~${path.slice(0, end)}`);
  return { terms: [`p=${path}`, 'p<', ...above, ...expressions] };
}

/** Says what finds the objects that name another as their parent. */
export function parentTerm({ cluster, kind, namespace, name }: ObjectName): string {
  return `g:${kind}/${cluster}/${namespace}/${name}`;
}

function pathText(segments: readonly string[]): string {
  const text = `/${segments.join('/')}`;
  return text.endsWith('/') ? text.slice(0, -1) : text;
}

function toHostTerm(host: string): string {
  return `h:${Array.from({ length: host.length }, (_, index) => host.at(-1 - index)).join('')}`;
}

function hostOf(hostname: unknown): readonly string[] {
  if (hostname === undefined || hostname === '' || hostname === '*') return [anyHost];
  if (typeof hostname !== 'string' || hostname.length > hostMax) return [];
  const lower = hostname.toLowerCase();
  return hostPattern.test(lower) ? [toHostTerm(lower)] : [];
}

/** Routes have a list of hosts; those of an Ingress and of old TLSRoutes are in the rules. */
function hostsOfRoute(spec: Fields): readonly string[] {
  const { hostnames } = spec;
  if (Array.isArray(hostnames) && hostnames.length > 0) return hostnames.flatMap((one: unknown) => hostOf(one));
  const ofRules = recordsOf(spec['rules']).flatMap(({ host, matches }) => [
    ...(host === undefined ? [] : hostOf(host)),
    ...recordsOf(matches).flatMap(({ snis }) =>
      Array.isArray(snis) ? snis.flatMap((sni: unknown) => hostOf(sni)) : [],
    ),
  ]);
  return ofRules.length > 0 ? ofRules : [anyHost];
}

function pathsOf(kind: string, spec: Fields): readonly string[] {
  const rules = recordsOf(spec['rules']);
  if (kind === 'Ingress') {
    const paths = rules.flatMap(({ http }) => (isRecord(http) ? recordsOf(http['paths']) : []));
    const all = spec['defaultBackend'] === undefined && spec['backend'] === undefined ? [] : ['p<'];
    return [...all, ...paths.map(({ path, pathType }) => pathOf(pathType, path ?? '/'))];
  }
  if (rules.length === 0) return ['p<'];
  return rules.flatMap(({ matches }) => {
    const given = recordsOf(matches);
    return given.length === 0 ? ['p<'] : given.map((match) => pathOfMatch(kind, match));
  });
}

function pathOfMatch(kind: string, { path, method }: Fields): string {
  if (kind !== 'GRPCRoute') return isRecord(path) ? pathOf(path['type'], path['value'] ?? '/') : 'p<';
  if (!isRecord(method)) return 'p<';
  const service = typeof method['service'] === 'string' ? method['service'] : '';
  const called = typeof method['method'] === 'string' ? method['method'] : '';
  if (service === '') return called === '' ? 'p<' : 'p~/';
  if (method['type'] === 'RegularExpression') return pathOf('RegularExpression', `/${service}`);
  return called === '' ? pathOf('PathPrefix', `/${service}`) : pathOf('Exact', `/${service}/${called}`);
}

function pathOf(type: unknown, value: unknown): string {
  if (typeof value !== 'string') return 'p<';
  const end = value.search(/[\0\uD800-\uDFFF]/);
  const text = end < 0 ? value : value.slice(0, end);
  if (type === 'RegularExpression') return `p~${beginningOf(text).slice(0, pathMax)}`;
  if (text.length > pathMax || end >= 0) return `p~${text.slice(0, pathMax)}`;
  if (type === 'Exact') return `p=${text}`;
  return `p<${text.endsWith('/') ? text.slice(0, -1) : text}`;
}

/** Gives the text with which everything begins that an expression takes, as far as it is plain to see. */
function beginningOf(expression: string): string {
  const text = expression.startsWith('^') ? expression.slice(1) : expression;
  if (text.includes('|')) return '';
  const plain = /^[-\w/ %~,:;@!&'"<>=#]*/.exec(text)?.[0] ?? '';
  // What may come several times or not at all is the last sign before.
  return /^[*?{+]/.test(text.slice(plain.length)) ? plain.slice(0, -1) : plain;
}

function parentsOf({ cluster, kind, namespace }: Place, spec: Fields): readonly string[] {
  const refs = kind === 'ListenerSet' ? [spec['parentRef']] : recordsOf(spec['parentRefs']);
  return refs.filter(isRecord).flatMap((ref) => {
    const name = ref['name'];
    const parent = { kind: ref['kind'] ?? 'Gateway', namespace: ref['namespace'] ?? namespace };
    if (parent.kind !== 'Gateway' && parent.kind !== 'ListenerSet') return [];
    if (typeof name !== 'string' || typeof parent.namespace !== 'string') return [];
    if (!namePattern.test(name) || !namePattern.test(parent.namespace)) return [];
    return [parentTerm({ cluster, kind: parent.kind, namespace: parent.namespace, name })];
  });
}
