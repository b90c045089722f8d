// Ingress → HTTPRoutes, one for each host, and a ListenerSet for the hosts with TLS. A wildcard stands for one label.
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
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import { onOneLabel } from './service-apis-http-route.ts';

/** What an Ingress does not say itself. */
export interface IngressPlace {
  readonly gateway: Place;
  /** The number of a Service's port. */
  readonly portNumber: (service: string, portName: string) => number | undefined;
  /** The ListenerSet with the listener for a host with TLS: that of the Ingress that asked for it first. */
  readonly ownerOf: (host: string) => Place;
  /** Name of the ListenerSet of this Ingress. */
  readonly setName: string;
}

/** The v1 limit on rules of a route, and on listeners of a ListenerSet. */
const rulesMax = 16;
const listenersMax = 64;
const pathTypes: ReadonlyMap<string, string> = new Map([
  ['Exact', 'Exact'],
  ['Prefix', 'PathPrefix'],
  ['ImplementationSpecific', 'PathPrefix'],
]);

/** The hosts that an Ingress wants TLS for, each once, with the Secret; '*' = any host. */
export function ingressTlsHosts(object: WrittenObject): ReadonlyMap<string, string | undefined> {
  const hosts = new Map<string, string | undefined>();
  for (const item of itemsOf(fieldsOf(object['spec'])['tls'])) {
    const { hosts: names, secretName } = fieldsOf(item);
    const texts = itemsOf(names).flatMap((name) => textOf(name) ?? []);
    for (const host of texts.length === 0 ? ['*'] : texts) if (!hosts.has(host)) hosts.set(host, textOf(secretName));
  }
  return hosts;
}

/** Converts an Ingress. */
export function convertIngress(object: WrittenObject, place: IngressPlace): Conversion {
  const warnings: string[] = [];
  const set = convertTls(object, place, warnings);
  const { name, namespace } = object.metadata;
  const metadata = { ...(namespace === undefined ? {} : { namespace }), ...keptMetadata(object) };
  warnings.push(...foreignAnnotations(metadata.annotations ?? {}));
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

/** What the routes of a host attach to: the Gateway, and the ListenerSets whose listeners have the host. */
function parentsOf(object: WrittenObject, of: string, { gateway, ownerOf }: IngressPlace): readonly Fields[] {
  const { namespace: own = 'default' } = object.metadata;
  const placed = ({ namespace, name }: Place): Fields => ({ ...(namespace === own ? {} : { namespace }), name });
  const parents = new Map<string, Fields>([['', placed(gateway)]]);
  for (const host of ingressTlsHosts(object).keys()) {
    if (intersectHostnames(host, of) === undefined) continue;
    const owner = ownerOf(host);
    parents.set(`${owner.namespace}/${owner.name}`, { kind: 'ListenerSet', ...placed(owner) });
  }
  return [...parents.values()];
}

function convertTls(
  object: WrittenObject,
  { gateway, ownerOf, setName }: IngressPlace,
  warnings: string[],
): WrittenObject | undefined {
  const { namespace = 'default' } = object.metadata;
  const own = [...ingressTlsHosts(object)].filter(([host]) => {
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
  const listeners = own.slice(0, listenersMax).map(([host, secret]) => {
    if (secret === undefined) warnings.push(`spec.tls: there is no secretName for ${host}, and no default certificate`);
    return {
      name: host === '*' ? 'https' : `https-${host.replace('*', 'wildcard')}`,
      ...(host === '*' ? {} : { hostname: host }),
      port: 443,
      protocol: 'HTTPS',
      tls: { certificateRefs: secret === undefined ? [] : [{ name: secret }] },
      allowedRoutes: { namespaces: { from: 'All' } },
    };
  });
  const parentRef = gateway.namespace === namespace ? { name: gateway.name } : gateway;
  const metadata = { name: setName, ...(object.metadata.namespace === undefined ? {} : { namespace }) };
  return { apiVersion: v1, kind: 'ListenerSet', metadata, spec: { parentRef, listeners } };
}

/** Rules of v1 by host; '*' = any, and there the default backend is last. */
function rulesByHost(
  object: WrittenObject,
  place: IngressPlace,
  warnings: string[],
): ReadonlyMap<string, readonly Fields[]> {
  const spec = fieldsOf(object['spec']);
  const byHost = new Map<string, Fields[]>();
  const add = (host: string, rule: Fields): void => {
    const rules = byHost.get(host);
    if (rules === undefined) byHost.set(host, [rule]);
    else rules.push(rule);
  };
  for (const [index, item] of itemsOf(spec['rules']).entries()) {
    const { host, http } = fieldsOf(item);
    if (host !== undefined && host !== null && typeof host !== 'string') {
      warnings.push(`spec.rules[${index}] is left out: its host is no text`);
      continue;
    }
    for (const [at, path] of itemsOf(fieldsOf(http)['paths']).entries()) {
      const where = `spec.rules[${index}].http.paths[${at}]`;
      add(textOf(host) || '*', convertPath(fieldsOf(path), where, place, warnings));
    }
  }
  const { defaultBackend } = spec;
  if (defaultBackend !== undefined && defaultBackend !== null) {
    add('*', present({ backendRefs: convertBackend(defaultBackend, 'spec.defaultBackend', place, warnings) }));
  }
  return byHost;
}

function convertPath(path: Fields, where: string, place: IngressPlace, warnings: string[]): Fields {
  const { path: value = '/', pathType, backend } = path;
  const type = typeof pathType === 'string' ? (pathTypes.get(pathType) ?? pathType) : pathType;
  return {
    matches: [{ path: { type, value: value === '' ? '/' : value } }],
    backendRefs: convertBackend(backend, `${where}.backend`, place, warnings),
  };
}

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
    warnings.push(
      `${where}: Service ${textOf(name) ?? ''} with a port called ${textOf(portName) ?? ''} is not known, and v1 wants its number`,
    );
  }
  return [present({ name, port: number ?? found })];
}

/** What other controllers read from annotations is not read here. */
function foreignAnnotations(annotations: Readonly<Record<string, string>>): readonly string[] {
  return Object.keys(annotations)
    .filter((key) => /(^|\.)ingress\.|^alb\.|traefik|haproxy/.test(key.split('/', 1)[0] ?? ''))
    .map((key) => `metadata.annotations: ${key} is not read`);
}
