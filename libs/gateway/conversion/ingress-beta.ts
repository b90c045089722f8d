// Brings Ingress and IngressClass of networking.k8s.io/v1beta1 and extensions/v1beta1, which no API server serves any
// more, into v1.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { fieldsOf, type Fields, mapItems, present, type WrittenObject } from './conversion.ts';

const v1 = 'networking.k8s.io/v1';

/** Gives the same object in networking.k8s.io/v1; objects of other APIs are handed back as they are. */
export function toIngressV1(object: WrittenObject): WrittenObject {
  if (object.kind === 'IngressClass' && object.apiVersion === `${v1}beta1`) return { ...object, apiVersion: v1 };
  const isOld = object.apiVersion === `${v1}beta1` || object.apiVersion === 'extensions/v1beta1';
  if (object.kind !== 'Ingress' || !isOld || !isRecord(object['spec'])) {
    return isOld && object.kind === 'Ingress' ? { ...object, apiVersion: v1 } : object;
  }
  const { backend, rules, ...rest } = object['spec'];
  const spec = present({ ...rest, defaultBackend: toBackend(backend), rules: mapItems(rules, toRule) });
  return { ...object, apiVersion: v1, spec };
}

function toRule(rule: Fields): Fields {
  if (!isRecord(rule['http'])) return rule;
  const { paths, ...http } = rule['http'];
  return { ...rule, http: present({ ...http, paths: mapItems(paths, toPath) }) };
}

/** A path without a type was the controller's to read. */
function toPath({ backend, ...path }: Fields): Fields {
  return present({ ...path, pathType: path['pathType'] ?? 'ImplementationSpecific', backend: toBackend(backend) });
}

function toBackend(backend: unknown): unknown {
  if (!isRecord(backend)) return backend;
  const { serviceName, servicePort, ...rest } = fieldsOf(backend);
  if (serviceName === undefined) return backend;
  const isNumber = typeof servicePort === 'number' || (typeof servicePort === 'string' && /^\d+$/.test(servicePort));
  const port = isNumber ? { number: Number(servicePort) } : present({ name: servicePort });
  return { ...rest, service: { name: serviceName, port } };
}
