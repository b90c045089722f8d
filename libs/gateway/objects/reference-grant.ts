// Parses a ReferenceGrant, which allows objects of other namespaces to refer to objects of its own namespace.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { groupName, kindName, namespaceName, objectName } from '#libs/gateway/fields/names.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

export interface ReferenceGrant {
  readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  /** Without a name: every object of the kind. */
  readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  /** What cannot be read. The kind has no status: those hear of it whose references are refused. */
  readonly problems: readonly Problem[];
}

/** One reference over a namespace border. */
export interface CrossReference {
  readonly fromGroup: string;
  readonly fromKind: string;
  readonly fromNamespace: string;
  readonly toGroup: string;
  readonly toKind: string;
  readonly toName: string;
}

const listMax = 64;

/** Reads a ReferenceGrant. What cannot be read grants nothing. */
export function parseReferenceGrant(object: KubeObject): ReferenceGrant {
  const { at, problems } = openBody(object, 'spec');
  at.requiredObject();
  const from = at
    .field('from')
    .items(listMax)
    .flatMap((item) => {
      const group = item.field('group').present ? item.field('group').text(groupName) : '';
      const kind = item.field('kind').requiredText(kindName);
      const namespace = item.field('namespace').requiredText(namespaceName);
      return group === undefined || kind === undefined || namespace === undefined ? [] : [{ group, kind, namespace }];
    });
  const to = at
    .field('to')
    .items(listMax)
    .flatMap((item) => {
      const group = item.field('group').present ? item.field('group').text(groupName) : '';
      const kind = item.field('kind').requiredText(kindName);
      const name = item.field('name').text(objectName);
      // A name that is there but unreadable must not widen the grant to every name.
      if (group === undefined || kind === undefined || (item.field('name').present && name === undefined)) return [];
      return [{ group, kind, ...(name === undefined ? {} : { name }) }];
    });
  return { from, to, problems };
}

/** Tells whether a grant in the target's namespace allows a reference. */
export function grants(grant: Pick<ReferenceGrant, 'from' | 'to'>, reference: CrossReference): boolean {
  return (
    grant.from.some(
      (from) =>
        from.group === reference.fromGroup &&
        from.kind === reference.fromKind &&
        from.namespace === reference.fromNamespace,
    ) &&
    grant.to.some(
      (to) =>
        to.group === reference.toGroup &&
        to.kind === reference.toKind &&
        (to.name === undefined || to.name === reference.toName),
    )
  );
}
