// Converts GatewayClass and Gateway of Service APIs 0.1 (networking.x-k8s.io/v1alpha1) to v1. Listeners had no names:
// they get one from what they are.
import {
  type Conversion,
  fieldsOf,
  type Fields,
  isWildcard,
  itemsOf,
  keptMetadata,
  mapItems,
  present,
  textOf,
  toReference,
  v1,
  type WrittenObject,
} from './conversion.ts';
import { serviceApisGroup } from '#libs/gateway/kinds.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';

/** Converts a GatewayClass. */
export function convertGatewayClass(object: WrittenObject): Conversion {
  const spec = fieldsOf(object['spec']);
  const ref = spec['parametersRef'];
  const warnings =
    ref === undefined || ref === null ? [] : ['spec.parametersRef is left out: v1 wants a ConfigMap there'];
  const metadata = { name: object.metadata.name, ...keptMetadata(object) };
  return {
    objects: [
      { apiVersion: v1, kind: 'GatewayClass', metadata, spec: present({ controllerName: spec['controller'] }) },
    ],
    warnings,
  };
}

/** Converts a Gateway. Which routes its listeners select is `selectRoute`'s to say. */
export function convertGateway(object: WrittenObject): Conversion {
  const spec = fieldsOf(object['spec']);
  const names = listenerNames(spec['listeners']);
  const warnings: string[] = [];
  const listeners = mapItems(spec['listeners'], (listener, index) =>
    convertListener(listener, names[index] ?? '', `spec.listeners[${index}]`, warnings),
  );
  const addresses = mapItems(spec['addresses'], (address, index) => {
    if (address['type'] === 'NamedAddress') warnings.push(`spec.addresses[${index}]: NamedAddress has no equivalent`);
    return address;
  });
  const { name, namespace } = object.metadata;
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), ...keptMetadata(object) };
  const converted = present({ gatewayClassName: spec['gatewayClassName'], addresses, listeners });
  return { objects: [{ apiVersion: v1, kind: 'Gateway', metadata, spec: converted }], warnings };
}

/** Gives the names that the listeners of a Gateway get, in order; unique. */
export function listenerNames(listeners: unknown): readonly string[] {
  const taken = new Set<string>();
  return itemsOf(listeners).map((item) => {
    const { protocol, port, hostname } = fieldsOf(item);
    const host = textOf(hostname) ?? '*';
    const parts = [textOf(protocol)?.toLowerCase() ?? 'listener', typeof port === 'number' ? String(port) : '0'];
    if (host !== '*' && host !== '') parts.push(host.replace('*', 'wildcard'));
    const base = parts.join('-').replaceAll(/[^-.a-z0-9]/g, '-');
    let name = base;
    for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
    taken.add(name);
    return name;
  });
}

function convertListener(listener: Fields, name: string, path: string, warnings: string[]): unknown {
  const { hostname, port, protocol, tls, routes } = listener;
  if (isWildcard(hostname)) {
    warnings.push(
      `${path}.hostname: ${hostname} was for one label before the suffix; in v1 it is for any number of them`,
    );
  }
  const secure = protocol === 'HTTPS' || protocol === 'TLS';
  return present({
    name,
    hostname: hostname === '*' || hostname === '' ? undefined : hostname,
    port,
    protocol,
    tls: secure ? convertTls(fieldsOf(tls), `${path}.tls`, warnings) : undefined,
    allowedRoutes: convertRoutes(fieldsOf(routes), `${path}.routes`, warnings),
  });
}

function convertTls(tls: Fields, path: string, warnings: string[]): Fields {
  const { mode, certificateRef, routeOverride, options } = tls;
  if (fieldsOf(routeOverride)['certificate'] === 'Allow') {
    warnings.push(`${path}.routeOverride: certificates of routes have no equivalent; put them into a ListenerSet`);
  }
  const passes = mode === 'Passthrough';
  const refs = passes || certificateRef === undefined ? undefined : [toReference(certificateRef)];
  return present({
    mode,
    certificateRefs: refs,
    options: Object.keys(fieldsOf(options)).length === 0 ? undefined : options,
  });
}

function convertRoutes(routes: Fields, path: string, warnings: string[]): Fields {
  const { namespaces, selector, group, kind } = routes;
  const from = fieldsOf(namespaces)['from'];
  if (Object.keys(fieldsOf(selector)).length > 0) {
    warnings.push(
      `${path}.selector has no equivalent: the routes that it selects name the Gateway in their parentRefs`,
    );
  }
  const old = group === undefined || group === '' || group === serviceApisGroup;
  return present({
    namespaces:
      from === undefined
        ? undefined
        : present({ from, selector: from === 'Selector' ? selectorOf(namespaces) : undefined }),
    kinds: kind === undefined ? undefined : [{ group: old ? gatewayGroup : group, kind }],
  });
}

function selectorOf(namespaces: unknown): unknown {
  return fieldsOf(namespaces)['selector'] ?? {};
}
