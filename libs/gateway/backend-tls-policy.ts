// BackendTLSPolicy: so far only which Services it is about.
import { openBody } from '#libs/gateway/cursor.ts';
import { objectName } from '#libs/gateway/names.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

/** Names of the Services, in the policy's namespace, that a policy targets. */
export function parseBackendTlsTargets(object: KubeObject): readonly string[] {
  const { at } = openBody(object, 'spec');
  const names = at
    .field('targetRefs')
    .items(16)
    .flatMap((item) => {
      const isService = (item.field('group').text() ?? '') === '' && item.field('kind').text() === 'Service';
      return isService ? (item.field('name').text(objectName) ?? []) : [];
    });
  return [...new Set(names)];
}
