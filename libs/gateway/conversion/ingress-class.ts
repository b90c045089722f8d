// Reads an IngressClass and says which Gateway serves its Ingresses: the v1 Gateway that its parameters name, or else
// one that is implied, `fleetgate-ingress/<class>`, with a listener for HTTP on port 80 and, in ListenerSets, one for
// HTTPS on port 443 for each host with TLS.
import { fieldsOf, type Place, textOf, v1, type WrittenObject } from './conversion.ts';
import { ingressControllerName } from '#libs/gateway/kinds.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';

export interface IngressClass {
  readonly name: string;
  readonly ours: boolean;
  /** For Ingresses that name none. */
  readonly isDefault: boolean;
  readonly gateway: Place;
  /** Whether the Gateway is there only because of the class. */
  readonly implied: boolean;
  readonly warnings: readonly string[];
}

export const impliedNamespace = 'fleetgate-ingress';
const defaultClass = 'ingressclass.kubernetes.io/is-default-class';

/** Reads an IngressClass. */
export function readIngressClass(object: WrittenObject): IngressClass {
  const { name } = object.metadata;
  const spec = fieldsOf(object['spec']);
  const ours = spec['controller'] === ingressControllerName;
  const isDefault = fieldsOf(object.metadata.annotations)[defaultClass] === 'true';
  const implied = { name, ours, isDefault, gateway: { namespace: impliedNamespace, name }, implied: true };
  const { parameters } = spec;
  if (!isRecord(parameters)) return { ...implied, warnings: [] };
  const { apiGroup, kind, name: gateway, namespace } = parameters;
  const names = textOf(gateway) !== undefined && textOf(namespace) !== undefined;
  if (apiGroup !== gatewayGroup || kind !== 'Gateway' || !names) {
    const server = `${impliedNamespace}/${name}`;
    const warning = `spec.parameters name no Gateway with its namespace: ${server} serves the Ingresses`;
    return { ...implied, warnings: [warning] };
  }
  const place = { namespace: textOf(namespace) ?? '', name: textOf(gateway) ?? '' };
  return { ...implied, gateway: place, implied: false, warnings: [] };
}

/** Gives the class that an Ingress names; undefined = none. */
export function namedIngressClass(ingress: WrittenObject): string | undefined {
  const { ingressClassName } = fieldsOf(ingress['spec']);
  return textOf(ingressClassName) ?? textOf(fieldsOf(ingress.metadata.annotations)['kubernetes.io/ingress.class']);
}

/** Gives the Gateway that a class implies. */
export function impliedGateway(className: string, gatewayClassName: string): WrittenObject {
  const all = { namespaces: { from: 'All' } };
  return {
    apiVersion: v1,
    kind: 'Gateway',
    metadata: { name: className, namespace: impliedNamespace },
    spec: {
      gatewayClassName,
      allowedListeners: all,
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: all }],
    },
  };
}
