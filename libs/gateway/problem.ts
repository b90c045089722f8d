// A problem is a mistake in something that a user or another process wrote; parsing gives a value or problems.

/** `path` names the field as people write it: `spec.rules[2].matches[0].path.value`. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Gives one sentence for people. */
export function describeProblem(problem: Problem): string {
  return problem.path === '' ? problem.message : `${problem.path}: ${problem.message}`;
}
