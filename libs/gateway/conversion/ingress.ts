// Converts an Ingress to HTTPRoutes, one for each host, and a ListenerSet for the hosts with TLS. A wildcard stands for
// one label.
import {
  type Conversion,
  fieldsOf,
  type Fields,
  isWildcard,
  itemsOf,
  keptMetadata,
  type Place,
  present,
  textOf,
  v1,
  type WrittenObject,
} from './conversion.ts';
import { type Canary, canaryRules, defaultKey, isCanaryAnnotation, pathKey } from './canary.ts';
import { foreignAnnotations } from './foreign.ts';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import { onOneLabel } from './service-apis-http-route.ts';
import { toNamespacedKey } from '#libs/gateway/object-key.ts';

/** What an Ingress does not say itself. */
interface IngressPlace {
  readonly gateway: Place;
  /** The number of a Service's port. */
  readonly portNumber: (service: string, portName: string) => number | undefined;
  /** The ListenerSet with the listener for a host with TLS: that of the Ingress that asked for it first. */
  readonly ownerOf: (host: string) => Place;
  /** Name of the ListenerSet of this Ingress. */
  readonly setName: string;
  /** What converting for good adds to serving; absent where an Ingress is served as it is. */
  readonly forGood?: {
    /** The canary that shares a path, by its key (`canary.ts`). */
    readonly canaryOf: (key: string) => Canary | undefined;
  };
}

/** The v1 limit on rules of a route, and on listeners of a ListenerSet. */
const rulesMax = 16;
const listenersMax = 64;
const pathTypes: ReadonlyMap<string, string> = new Map([
  ['Exact', 'Exact'],
  ['Prefix', 'PathPrefix'],
  ['ImplementationSpecific', 'PathPrefix'],
]);

/** Gives the hosts for which an Ingress names a certificate, each once, with its Secret; '*' = any host. */
export function ingressTlsHosts(object: WrittenObject): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const [host, secret] of askedTlsHosts(object))
    if (secret !== undefined && !hosts.has(host)) hosts.set(host, secret);
  return hosts;
}

/** Gives the hosts that an Ingress wants TLS for, with the Secret or none. */
function askedTlsHosts(object: WrittenObject): readonly (readonly [host: string, secret: string | undefined])[] {
  return itemsOf(fieldsOf(object['spec'])['tls']).flatMap((item) => {
    const { hosts: names, secretName } = fieldsOf(item);
    const texts = itemsOf(names).flatMap((name) => textOf(name) ?? []);
    const secret = textOf(secretName) || undefined;
    return (texts.length === 0 ? ['*'] : texts).map((host) => [host, secret] as const);
  });
}

/** Gives the names of the Services that an Ingress sends requests to. */
export function ingressServices(object: WrittenObject): ReadonlySet<string> {
  const { rules, defaultBackend } = fieldsOf(object['spec']);
  const paths = itemsOf(rules).flatMap((rule) => itemsOf(fieldsOf(fieldsOf(rule)['http'])['paths']));
  const backends = [defaultBackend, ...paths.map((path) => fieldsOf(path)['backend'])];
  return new Set(backends.flatMap((one) => textOf(fieldsOf(fieldsOf(one)['service'])['name']) ?? []));
}

/** Converts an Ingress. */
export function convertIngress(object: WrittenObject, place: IngressPlace): Conversion {
  const warnings: string[] = [];
  const set = convertTls(object, place, warnings);
  const { name, namespace } = object.metadata;
  const metadata = { ...(namespace === undefined ? {} : { namespace }), ...keptMetadata(object) };
  for (const key of foreignAnnotations(object))
    if (place.forGood === undefined || !isCanaryAnnotation(key))
      warnings.push(`metadata.annotations: ${key} is not read`);
  const routes = [...rulesByHost(object, place, warnings)].flatMap(([host, rules]) => {
    const own = isWildcard(host) ? rules.map((rule) => onOneLabel(rule, host)) : rules;
    const chunks: (readonly Fields[])[] = [];
    for (let at = 0; at < own.length; at += rulesMax) chunks.push(own.slice(at, at + rulesMax));
    const parentRefs = parentsOf(object, host, place);
    return chunks.map((chunk) => ({ parentRefs, ...(host === '*' ? {} : { hostnames: [host] }), rules: chunk }));
  });
  const objects = routes.map((spec, index) => ({
    apiVersion: v1,
    kind: 'HTTPRoute',
    metadata: { name: index === 0 ? name : `${name}-${index + 1}`, ...metadata },
    spec,
  }));
  return { objects: [...(set === undefined ? [] : [set]), ...objects], warnings };
}

/** Says what the routes of a host attach to: the Gateway, and the ListenerSets whose listeners have the host. */
function parentsOf(object: WrittenObject, of: string, { gateway, ownerOf }: IngressPlace): readonly Fields[] {
  const { namespace: own = 'default' } = object.metadata;
  const placed = ({ namespace, name }: Place): Fields => ({ ...(namespace === own ? {} : { namespace }), name });
  const parents = new Map<string, Fields>([['', placed(gateway)]]);
  for (const host of ingressTlsHosts(object).keys()) {
    if (intersectHostnames(host, of) === undefined) continue;
    const owner = ownerOf(host);
    parents.set(toNamespacedKey(owner), { kind: 'ListenerSet', ...placed(owner) });
  }
  return [...parents.values()];
}

function convertTls(
  object: WrittenObject,
  { gateway, ownerOf, setName }: IngressPlace,
  warnings: string[],
): WrittenObject | undefined {
  const { namespace = 'default' } = object.metadata;
  const hosts = ingressTlsHosts(object);
  for (const host of new Set(askedTlsHosts(object).map(([name]) => name)))
    if (!hosts.has(host))
      warnings.push(`spec.tls: there is no secretName for ${host}, and no default certificate: it gets no TLS`);
  const own = [...hosts].filter(([host]) => {
    const owner = ownerOf(host);
    const mine = owner.namespace === namespace && owner.name === setName;
    if (!mine)
      warnings.push(
        `spec.tls: the certificate for ${host} is that of ${owner.namespace}/${owner.name}, which asked for it first`,
      );
    return mine;
  });
  if (own.length > listenersMax)
    warnings.push(`spec.tls: only the first ${listenersMax} hosts of ${own.length} get a listener`);
  if (own.length === 0) return undefined;
  const listeners = own.slice(0, listenersMax).map(([host, secret]) => ({
    name: host === '*' ? 'https' : `https-${host.replace('*', 'wildcard')}`,
    ...(host === '*' ? {} : { hostname: host }),
    port: 443,
    protocol: 'HTTPS',
    tls: { certificateRefs: [{ name: secret }] },
    allowedRoutes: { namespaces: { from: 'All' } },
  }));
  const parentRef = gateway.namespace === namespace ? { name: gateway.name } : gateway;
  const metadata = { name: setName, ...(object.metadata.namespace === undefined ? {} : { namespace }) };
  return { apiVersion: v1, kind: 'ListenerSet', metadata, spec: { parentRef, listeners } };
}

/** Gives the rules of v1 by host; '*' = any, and there the default backend is last. */
function rulesByHost(
  object: WrittenObject,
  place: IngressPlace,
  warnings: string[],
): ReadonlyMap<string, readonly Fields[]> {
  const spec = fieldsOf(object['spec']);
  const byHost = new Map<string, Fields[]>();
  const add = (host: string, key: string, rule: Fields): void => {
    const canary = place.forGood?.canaryOf(key);
    const refs = canary === undefined ? [] : convertBackend(canary.backend, canary.where, place, warnings);
    const rules = canary === undefined ? [rule] : canaryRules(rule, refs, canary, warnings);
    byHost.set(host, [...(byHost.get(host) ?? []), ...rules]);
  };
  for (const [index, item] of itemsOf(spec['rules']).entries()) {
    const { host, http } = fieldsOf(item);
    if (host !== undefined && host !== null && typeof host !== 'string') {
      warnings.push(`spec.rules[${index}] is left out: its host is no text`);
      continue;
    }
    for (const [at, path] of itemsOf(fieldsOf(http)['paths']).entries()) {
      const where = `spec.rules[${index}].http.paths[${at}]`;
      const on = textOf(host) || '*';
      add(on, pathKey(on, fieldsOf(path)), convertPath(fieldsOf(path), where, place, warnings));
    }
  }
  const { defaultBackend } = spec;
  if (defaultBackend !== undefined && defaultBackend !== null) {
    add(
      '*',
      defaultKey,
      present({ backendRefs: convertBackend(defaultBackend, 'spec.defaultBackend', place, warnings) }),
    );
  }
  return byHost;
}

function convertPath(path: Fields, where: string, place: IngressPlace, warnings: string[]): Fields {
  const { path: value = '/', pathType, backend } = path;
  const type = typeof pathType === 'string' ? (pathTypes.get(pathType) ?? pathType) : pathType;
  const text = value === '' ? '/' : value;
  const isFree = pathType === undefined || pathType === 'ImplementationSpecific';
  const match =
    isFree && typeof text === 'string' && place.forGood !== undefined
      ? freePath(text, where, warnings)
      : { type, value: text };
  return { matches: [{ path: match }], backendRefs: convertBackend(backend, `${where}.backend`, place, warnings) };
}

/**
 * Reads a path whose matching was the controller's: `/*` at the end is a prefix (GCE, ALB), the rest a regex
 * (ingress-nginx).
 */
function freePath(value: string, where: string, warnings: string[]): Fields {
  const stem = value.endsWith('/*') ? value.slice(0, -2) || '/' : value;
  if (pathValue.test(stem) && !stem.includes('*')) return { type: 'PathPrefix', value: stem };
  warnings.push(
    `${where}.path: ${value} is no path of v1: it is taken for a regular expression of what a path begins with`,
  );
  return { type: 'RegularExpression', value: `${value.replace(/^\^/, '').replace(/\$$/, '')}.*` };
}

/** The pattern of HTTPPathMatch.value for Exact and PathPrefix. */
const pathValue = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;

function convertBackend(
  backend: unknown,
  where: string,
  { portNumber }: IngressPlace,
  warnings: string[],
): readonly Fields[] {
  const { service, resource } = fieldsOf(backend);
  if (resource !== undefined && resource !== null) {
    const { apiGroup = '', kind, name } = fieldsOf(resource);
    return [present({ group: apiGroup ?? '', kind, name })];
  }
  const { name, port } = fieldsOf(service);
  const { number, name: portName } = fieldsOf(port);
  const found =
    textOf(name) === undefined || textOf(portName) === undefined || textOf(portName) === ''
      ? undefined
      : portNumber(textOf(name) ?? '', textOf(portName) ?? '');
  if (number === undefined && found === undefined) {
    const what = `Service ${textOf(name) ?? ''} with a port called ${textOf(portName) ?? ''}`;
    warnings.push(`${where}: ${what} is not known, and v1 wants its number`);
  }
  return [present({ name, port: number ?? found })];
}
