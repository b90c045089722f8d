// Converts a BackendPolicy of Service APIs 0.1 to BackendTLSPolicies. It had no name to ask for and to verify: the one
// that the Service has in its cluster stands in.
import {
  type Conversion,
  fieldsOf,
  itemsOf,
  keptMetadata,
  textOf,
  toReference,
  v1,
  type WrittenObject,
} from './conversion.ts';
import { olderProblems } from './older-shapes.ts';

/** Converts a BackendPolicy: a policy for each Service, because each has a name of its own. */
export function convertBackendPolicy(object: WrittenObject): Conversion {
  const { backendRefs, tls } = fieldsOf(object['spec']);
  const { name, namespace = 'default' } = object.metadata;
  const within = object.metadata.namespace === undefined ? {} : { namespace };
  const warnings: string[] = [];
  const { certificateAuthorityRef, options } = fieldsOf(tls);
  // One that cannot be read is not one without TLS.
  const unread = olderProblems(object).length > 0;
  if (!unread && (certificateAuthorityRef === undefined || certificateAuthorityRef === null)) {
    return { objects: [], warnings: ['spec.tls names no CA certificates: v1 has no TLS to backends without them'] };
  }
  const optionNames = Object.keys(fieldsOf(options));
  if (optionNames.length > 0) warnings.push(`spec.tls.options has no equivalent: ${optionNames.join(', ')}`);
  const authority = { group: '', kind: 'Secret', ...fieldsOf(toReference(certificateAuthorityRef)) };
  const objects: WrittenObject[] = [];
  for (const [index, item] of itemsOf(backendRefs).entries()) {
    const path = `spec.backendRefs[${index}]`;
    const ref = { group: '', kind: 'Service', ...fieldsOf(toReference(item)) };
    const service = textOf(fieldsOf(ref)['name']);
    if (ref.group !== '' || ref.kind !== 'Service' || service === undefined) {
      warnings.push(`${path} is left out: it names no Service`);
      continue;
    }
    const hostname = `${service}.${namespace}.svc`;
    warnings.push(`${path}: the certificate of Service ${service} has to be for ${hostname}, for v1 wants a name`);
    if (fieldsOf(item)['port'] !== undefined)
      warnings.push(`${path}.port: the policy is for all ports of Service ${service}`);
    const metadata = {
      name: objects.length === 0 ? name : `${name}-${objects.length + 1}`,
      ...within,
      ...keptMetadata(object),
    };
    const targetRefs = [{ group: '', kind: 'Service', name: service }];
    const validation = { caCertificateRefs: [authority], hostname };
    objects.push({ apiVersion: v1, kind: 'BackendTLSPolicy', metadata, spec: { targetRefs, validation } });
  }
  return { objects, warnings };
}
