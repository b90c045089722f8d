// Parses the parentRefs of routes, which name a Gateway and a part of it.
import type { Cursor } from './cursor.ts';
import { groupName, kindName, namespaceName, objectName, sectionName } from './names.ts';

export const gatewayGroup = 'gateway.networking.k8s.io';

export interface ParentRef {
  readonly group: string;
  readonly kind: string;
  /** Filled in from the route where it is not written. */
  readonly namespace: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
  /** As it is written, for the status. */
  readonly written: Readonly<Record<string, string | number>>;
}

/** Parses spec.parentRefs; an unreadable one is noted and left out, as is one that repeats another. */
export function parseParentRefs(spec: Cursor, routeNamespace: string): readonly ParentRef[] {
  const refs = new Map<string, ParentRef>();
  for (const item of spec.field('parentRefs').items(32)) {
    const ref = parseParentRef(item, routeNamespace);
    if (ref === undefined) continue;
    const key = [ref.group, ref.kind, ref.namespace, ref.name, ref.sectionName ?? '', ref.port ?? ''].join('/');
    if (!refs.has(key)) refs.set(key, ref);
  }
  return [...refs.values()];
}

/** Parses one parentRef; undefined = a problem was noted. */
export function parseParentRef(at: Cursor, ownNamespace: string): ParentRef | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const name = at.field('name').requiredText(objectName);
  const group = textOr(at.field('group'), groupName, gatewayGroup);
  const kind = textOr(at.field('kind'), kindName, 'Gateway');
  const namespace = textOr(at.field('namespace'), namespaceName, ownNamespace);
  const sectionAt = at.field('sectionName');
  // '' = not set, as the API says.
  const section = sectionAt.into([]).text() === '' ? '' : sectionAt.text(sectionName);
  const port = at.field('port').integer(1, 65535);
  const broken = (sectionAt.present && section === undefined) || (at.field('port').present && port === undefined);
  if (name === undefined || group === undefined || kind === undefined || namespace === undefined || broken)
    return undefined;
  return {
    group,
    kind,
    namespace,
    name,
    ...(section === undefined || section === '' ? {} : { sectionName: section }),
    ...(port === undefined ? {} : { port }),
    written: {
      ...(at.field('group').present ? { group } : {}),
      ...(at.field('kind').present ? { kind } : {}),
      ...(at.field('namespace').present ? { namespace } : {}),
      name,
      ...(section === undefined ? {} : { sectionName: section }),
      ...(port === undefined ? {} : { port }),
    },
  };
}

/** Gives the text of a field, the default where it is absent, undefined (and a noted problem) where it is wrong. */
function textOr(at: Cursor, rule: Parameters<Cursor['text']>[0], absent: string): string | undefined {
  return at.present ? at.text(rule) : absent;
}
