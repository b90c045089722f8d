// Converts TLSRoute, TCPRoute and UDPRoute of Service APIs 0.1 to v1. A rule of a TLSRoute has server names of its own;
// in v1 the route has them.
import { type Conversion, fieldsOf, isWildcard, itemsOf, mapItems, present, type WrittenObject } from './conversion.ts';
import { type RouteSelection, toRoute } from './route-selection.ts';
import { forwardTo } from './service-apis-forward.ts';

/** Converts a TLSRoute: a route for each of its rules. */
export function convertTlsRoute(object: WrittenObject, selection: RouteSelection): Conversion {
  const warnings: string[] = [];
  const { rules } = fieldsOf(object['spec']);
  const { name } = object.metadata;
  if (!Array.isArray(rules)) return { objects: [toRoute(object, name, present({ rules }), selection)], warnings };
  const objects: WrittenObject[] = [];
  for (const [index, rule] of rules.entries()) {
    const path = `spec.rules[${index}]`;
    const matches = usableMatches(rule, path, warnings);
    if (matches === undefined) continue;
    const names = matches.map((match) => itemsOf(fieldsOf(match)['snis']));
    // A match without names takes every connection, whatever the others say.
    const hostnames = names.some((snis) => snis.length === 0) ? [] : names.flat();
    if (hostnames.some(isWildcard)) {
      warnings.push(`${path}: a wildcard was for one label before the suffix; in v1 it is for any number of them`);
    }
    const spec = { ...(hostnames.length === 0 ? {} : { hostnames }), rules: [convertRule(rule)] };
    objects.push(toRoute(object, objects.length === 0 ? name : `${name}-${objects.length + 1}`, spec, selection));
  }
  return { objects, warnings };
}

/** Converts a TCPRoute or UDPRoute. Of its rules the first takes everything. */
export function convertStreamRoute(object: WrittenObject, selection: RouteSelection): Conversion {
  const warnings: string[] = [];
  const { rules } = fieldsOf(object['spec']);
  const { name } = object.metadata;
  if (!Array.isArray(rules)) return { objects: [toRoute(object, name, present({ rules }), selection)], warnings };
  const usable = rules.filter(
    (rule: unknown, index) => usableMatches(rule, `spec.rules[${index}]`, warnings) !== undefined,
  );
  if (usable.length > 1) warnings.push('spec.rules: all rules but the first are left out: it takes every connection');
  if (usable.length === 0 && rules.length > 0) return { objects: [], warnings };
  const spec = { rules: usable.slice(0, 1).map(convertRule) };
  return { objects: [toRoute(object, name, spec, selection)], warnings };
}

function convertRule(rule: unknown): unknown {
  return present({ backendRefs: mapItems(fieldsOf(rule)['forwardTo'], forwardTo) });
}

/**
 * Gives the matches that can be honoured; one that takes everything where none is written, undefined where none is
 * left.
 */
function usableMatches(rule: unknown, path: string, warnings: string[]): readonly unknown[] | undefined {
  const matches = itemsOf(fieldsOf(rule)['matches']);
  if (matches.length === 0) return [{}];
  const usable = matches.filter((match) => fieldsOf(match)['extensionRef'] === undefined);
  if (usable.length < matches.length) warnings.push(`${path}: matches with an extensionRef have no equivalent`);
  return usable.length === 0 ? undefined : usable;
}
