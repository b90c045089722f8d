// Parses spec.infrastructure of a Gateway, and references to parameters.
import type { Cursor } from './cursor.ts';
import { groupName, kindName, namespaceName, objectName } from './names.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';

/** A reference to parameters; `namespace` is '' where it is not written and there is none to fall back to. */
export type ParametersRef =
  | { readonly group: string; readonly kind: string; readonly namespace: string; readonly name: string }
  | { readonly unreadable: string };

export interface Infrastructure {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly parameters?: ParametersRef;
}

const keyPattern =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelPattern = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const annotationLengthMax = 4096;

/** Parses spec.infrastructure. Labels and annotations that no object can have are noted and left out. */
export function parseInfrastructure(at: Cursor, namespace: string): Infrastructure {
  at.object();
  const parameters = parseParametersRef(at.field('parametersRef'), namespace);
  return {
    labels: parseMap(at.field('labels'), 8, (value) => labelPattern.test(value)),
    annotations: parseMap(at.field('annotations'), 16, (value) => value.length <= annotationLengthMax),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

/** Parses a parametersRef; a reference that does not say its namespace is to `ownNamespace`. */
export function parseParametersRef(at: Cursor, ownNamespace: string): ParametersRef | undefined {
  if (!at.present) return undefined;
  const problems: Problem[] = [];
  const ref = at.into(problems);
  ref.object();
  const name = ref.field('name').requiredText(objectName);
  const group = ref.field('group').present ? ref.field('group').text(groupName) : '';
  const kind = ref.field('kind').requiredText(kindName);
  const namespace = ref.field('namespace').present ? ref.field('namespace').text(namespaceName) : ownNamespace;
  const [problem] = problems;
  if (problem !== undefined) return { unreadable: describeProblem(problem) };
  if (name === undefined || group === undefined || kind === undefined || namespace === undefined)
    return { unreadable: at.path };
  return { group, kind, namespace, name };
}

function parseMap(at: Cursor, max: number, isValue: (value: string) => boolean): Readonly<Record<string, string>> {
  const fields = Object.entries(at.stringMap(max)).filter(([key, value]) => {
    const good = key.length <= 317 && keyPattern.test(key) && isValue(value);
    if (!good) at.problem(`${JSON.stringify(key.slice(0, 64))} cannot be set on an object`);
    return good;
  });
  return Object.fromEntries(fields);
}
