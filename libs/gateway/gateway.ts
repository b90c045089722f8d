// Gateway and its listeners. A listener that cannot be read is a value with its problems; the others stand.
import { type Cursor, openBody } from '#libs/gateway/cursor.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import { type LabelSelector, parseLabelSelector } from '#libs/gateway/label-selector.ts';
import { groupName, kindName, namespaceName, objectName, sectionName, wildcardHostname } from '#libs/gateway/names.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';

export interface CertificateRef {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Which namespaces' routes may attach. */
export type AllowedNamespaces =
  | { readonly from: 'All' | 'Same' | 'None' }
  | { readonly from: 'Selector'; readonly selector: LabelSelector };

export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

export interface ReadableListener {
  readonly name: string;
  readonly port: number;
  /** As written; HTTP and HTTPS are the ones that are served. */
  readonly protocol: string;
  /** Lower case; '*' = any host. */
  readonly hostname: string;
  readonly certificateRefs: readonly CertificateRef[];
  readonly namespaces: AllowedNamespaces;
  /** Empty = those that fit the protocol. */
  readonly kinds: readonly RouteKind[];
}

export type GatewayListener = ReadableListener | { readonly name: string; readonly problems: readonly Problem[] };

export interface Gateway {
  readonly className: string;
  readonly listeners: readonly GatewayListener[];
  /** Addresses that the user asks for. */
  readonly addresses: readonly string[];
  /** Mistakes outside the listeners, and listeners without a usable name. */
  readonly problems: readonly Problem[];
}

/** The name of the class, or undefined where there is none to read. */
export function gatewayClassName(object: KubeObject): string | undefined {
  return openBody(object, 'spec').at.field('gatewayClassName').text(objectName);
}

/** Reads a Gateway. Whatever it holds, this gives a value. */
export function parseGateway(object: KubeObject, namespace: string): Gateway {
  const { at, problems } = openBody(object, 'spec');
  at.requiredObject();
  const className = at.field('gatewayClassName').requiredText(objectName) ?? '';
  const items = at.field('listeners').items(64);
  if (items.length === 0) at.field('listeners').problem('must have at least one listener');
  const listeners = new Map<string, GatewayListener>();
  for (const item of items) {
    item.requiredObject();
    const name = item.field('name').requiredText(sectionName);
    if (name === undefined) continue;
    if (listeners.has(name)) item.field('name').problem(`${JSON.stringify(name)} is used by two listeners`);
    else listeners.set(name, parseListener(item, name, namespace, demandsClientCertificates(at)));
  }
  const addresses = at
    .field('addresses')
    .items(16)
    .flatMap((item) => item.field('value').text({ max: 253 }) ?? []);
  if (at.field('infrastructure').field('parametersRef').present) {
    at.field('infrastructure').field('parametersRef').problem('is not supported');
  }
  return { className, listeners: [...listeners.values()], addresses, problems };
}

/** Client certificates are not checked yet; serving without the check would open what the user wants closed. */
function demandsClientCertificates(spec: Cursor): boolean {
  return spec.field('tls').field('frontend').present;
}

function parseListener(item: Cursor, name: string, namespace: string, clientCertificates: boolean): GatewayListener {
  const problems: Problem[] = [];
  const at = item.into(problems);
  const port = at.field('port').present ? at.field('port').integer(1, 65535) : at.field('port').problem('is missing');
  const protocol = at.field('protocol').requiredText({ min: 1, max: 255 });
  const hostname = parseListenerHostname(at.field('hostname'));
  const certificateRefs = parseTls(at, protocol, namespace, clientCertificates);
  const namespaces = parseNamespaces(at.field('allowedRoutes').field('namespaces'));
  const kinds = parseKinds(at.field('allowedRoutes').field('kinds'));
  at.field('allowedRoutes').object();
  if (problems.length > 0 || port === undefined || protocol === undefined) return { name, problems };
  return { name, port, protocol, hostname, certificateRefs, namespaces, kinds };
}

function parseListenerHostname(at: Cursor): string {
  if (!at.present || at.text() === '') return '*';
  const hostname = at.text(wildcardHostname);
  if (hostname !== undefined && ipVersion(hostname) !== 0) at.problem('must not be an IP address');
  return hostname ?? '*';
}

function parseTls(
  at: Cursor,
  protocol: string | undefined,
  namespace: string,
  clientCertificates: boolean,
): readonly CertificateRef[] {
  const tls = at.field('tls');
  if (protocol === 'HTTP' && tls.present) tls.problem('must not be set on an HTTP listener');
  if (protocol !== 'HTTPS') return [];
  if (tls.requiredObject() === undefined) return [];
  const mode = tls.field('mode').oneOf(['Terminate', 'Passthrough']);
  if (mode === 'Passthrough') tls.field('mode').problem('must be Terminate on an HTTPS listener');
  if (clientCertificates || tls.field('frontendValidation').present) {
    tls.problem('client certificates are demanded, which is not supported yet');
  }
  return tls
    .field('certificateRefs')
    .items(64)
    .flatMap((item) => parseCertificateRef(item, namespace) ?? []);
}

function parseCertificateRef(at: Cursor, gatewayNamespace: string): CertificateRef | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const name = at.field('name').requiredText(objectName);
  const group = at.field('group').text(groupName) ?? '';
  const kind = at.field('kind').text(kindName) ?? 'Secret';
  const namespace = at.field('namespace').text(namespaceName) ?? gatewayNamespace;
  return name === undefined ? undefined : { group, kind, namespace, name };
}

function parseNamespaces(at: Cursor): AllowedNamespaces {
  if (at.object() === undefined) return { from: 'Same' };
  const from = at.field('from').oneOf(['All', 'Same', 'Selector', 'None']) ?? 'Same';
  if (from !== 'Selector') return { from };
  if (at.field('selector').requiredObject() === undefined) return { from: 'None' };
  return { from, selector: parseLabelSelector(at.field('selector')) };
}

function parseKinds(at: Cursor): readonly RouteKind[] {
  return at.items(8).flatMap((item) => {
    if (item.requiredObject() === undefined) return [];
    const group = item.field('group').present ? item.field('group').text(groupName) : gatewayGroup;
    const kind = item.field('kind').requiredText(kindName);
    return group === undefined || kind === undefined ? [] : [{ group, kind }];
  });
}
