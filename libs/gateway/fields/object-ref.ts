// Parses references to Secrets, ConfigMaps and the like: kind, and where the object is.
import type { Cursor } from './cursor.ts';
import { groupName, kindName, namespaceName, objectName } from './names.ts';

export interface ObjectRef {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** Parses a reference; the namespace of the object that refers is the default, and so is `kind` where there is one. */
export function parseObjectRef(at: Cursor, ownNamespace: string, kindDefault?: string): ObjectRef | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const name = at.field('name').requiredText(objectName);
  const group = at.field('group').present ? at.field('group').text(groupName) : '';
  const kindAt = at.field('kind');
  const kind = kindAt.present || kindDefault === undefined ? kindAt.requiredText(kindName) : kindDefault;
  const namespace = at.field('namespace').present ? at.field('namespace').text(namespaceName) : ownNamespace;
  if (name === undefined || group === undefined || kind === undefined || namespace === undefined) return undefined;
  return { group, kind, namespace, name };
}

/** Gives `Kind` or `Kind.group`, as people write it. */
export function kindText({ group, kind }: Pick<ObjectRef, 'group' | 'kind'>): string {
  return group === '' ? kind : `${kind}.${group}`;
}
