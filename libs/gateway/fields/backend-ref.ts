// Parses references to backends, in rules and in mirrors.
import type { Cursor } from './cursor.ts';
import { groupName, kindName, namespaceName, objectName } from './names.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';

export type BackendTarget =
  | {
      readonly group: string;
      readonly kind: string;
      /** Filled in from the route where it is not written. */
      readonly namespace: string;
      readonly name: string;
      readonly port?: number;
    }
  /** The reference cannot be read. */
  | { readonly unreadable: string };

/** Parses a BackendObjectReference. Mistakes in it make this backend unreadable, not the rule. */
export function parseBackendTarget(at: Cursor, routeNamespace: string): BackendTarget {
  const problems: Problem[] = [];
  const ref = at.into(problems);
  ref.requiredObject();
  const name = ref.field('name').requiredText(objectName);
  const group = ref.field('group').present ? ref.field('group').text(groupName) : '';
  const kind = ref.field('kind').present ? ref.field('kind').text(kindName) : 'Service';
  const namespace = ref.field('namespace').present ? ref.field('namespace').text(namespaceName) : routeNamespace;
  const port = ref.field('port').integer(1, 65535);
  const [problem] = problems;
  if (problem !== undefined) return { unreadable: describeProblem(problem) };
  if (name === undefined || group === undefined || kind === undefined || namespace === undefined)
    return { unreadable: at.path };
  return { group, kind, namespace, name, ...(port === undefined ? {} : { port }) };
}
