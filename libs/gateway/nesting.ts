// Tells how deep a JSON value is nested. What walks a value by recursion (canonical JSON, JSON.stringify) ends the
// process's stack on a value that is deep enough, and an object in a folder or of a lax API server can be.

/** More than any object of Kubernetes needs. */
export const nestingMax = 100;

/** Tells whether lists and objects lie deeper in each other than `max`. Never looks further down. */
export function isNestedDeeper(value: unknown, max = nestingMax): boolean {
  if (value === null || typeof value !== 'object') return false;
  return max === 0 || Object.values(value).some((inner) => isNestedDeeper(inner, max - 1));
}
