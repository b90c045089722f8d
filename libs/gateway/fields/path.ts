// Checks paths of requests.
const pathCharacters = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;

/** Checks a path by the rules that the CRD has for the types Exact and PathPrefix; undefined = nothing is wrong. */
export function pathProblem(value: string): string | undefined {
  if (!value.startsWith('/')) return 'must start with "/"';
  for (const part of ['//', '/./', '/../', '%2f', '%2F', '#']) {
    if (value.includes(part)) return `must not contain "${part}"`;
  }
  if (value.endsWith('/.') || value.endsWith('/..')) return 'must not end with "/." or "/.."';
  return pathCharacters.test(value) ? undefined : 'has a character that a path cannot have';
}
