// Says which matches take preflights beside their own requests. A browser asks by OPTIONS whether it may send a
// request; where a match wants another method, the question goes where the request would go, and the CORS filter there
// answers. The specification is silent; Envoy Gateway does it too.
import type { HttpRuleEntry } from './entry.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';

/** Gives the method that a preflight must ask about to be taken by a match, or undefined where the match takes none. */
export function preflightMethod(rule: HttpRuleEntry, { method }: HttpMatch): string | undefined {
  return method === undefined || method === 'OPTIONS' || !hasPolicy(rule) ? undefined : method;
}

function hasPolicy({ action, filters }: HttpRuleEntry): boolean {
  if (action.type === 'invalid') return false;
  const backends = action.type === 'forward' ? action.backends.filter(({ weight }) => weight > 0) : [];
  return [filters, ...backends.map((backend) => backend.filters)].flat().some(({ type }) => type === 'cors');
}
