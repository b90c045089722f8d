// Converts an HTTPRoute of Service APIs 0.1 to v1. Hostnames with a wildcard get a route of their own, which asks for
// one label in its place.
import {
  type Conversion,
  fieldsOf,
  type Fields,
  isWildcard,
  itemsOf,
  mapItems,
  oneLabelHost,
  present,
  toReference,
  type WrittenObject,
} from './conversion.ts';
import { type RouteSelection, toRoute } from './route-selection.ts';
import { forwardTo } from './service-apis-forward.ts';

const pathTypes: ReadonlyMap<string, string> = new Map([
  ['Exact', 'Exact'],
  ['Prefix', 'PathPrefix'],
  ['RegularExpression', 'RegularExpression'],
  ['ImplementationSpecific', 'PathPrefix'],
]);

/** Converts an HTTPRoute. */
export function convertHttpRoute(object: WrittenObject, selection: RouteSelection): Conversion {
  const spec = fieldsOf(object['spec']);
  const warnings: string[] = [];
  if (spec['tls'] !== undefined && spec['tls'] !== null) {
    warnings.push('spec.tls: certificates of routes have no equivalent; the listener shows its own');
  }
  const rules = convertRules(spec['rules'], warnings);
  if (Array.isArray(rules) && rules.length === 0 && itemsOf(spec['rules']).length > 0) return { objects: [], warnings };
  const hostnames = spec['hostnames'];
  const wildcards = itemsOf(hostnames).filter(isWildcard);
  const others = Array.isArray(hostnames) ? hostnames.filter((one) => !isWildcard(one)) : hostnames;
  const { name } = object.metadata;
  const objects: WrittenObject[] = [];
  if (wildcards.length === 0 || itemsOf(others).length > 0) {
    objects.push(toRoute(object, name, present({ hostnames: others, rules }), selection));
  }
  for (const [index, wildcard] of wildcards.entries()) {
    const count = objects.length + 1;
    const own = count === 1 && index === 0 ? name : `${name}-${count}`;
    const restricted = mapItems(rules, (rule) => onOneLabel(rule, wildcard));
    objects.push(toRoute(object, own, { hostnames: [wildcard], rules: restricted }, selection));
  }
  return { objects, warnings };
}

/** Gives a rule for the hosts with one label where the wildcard is. */
export function onOneLabel(rule: Fields, wildcard: string): Fields {
  const matches = rule['matches'];
  const header = oneLabelHost(wildcard);
  if (itemsOf(matches).length === 0) return { ...rule, matches: [{ headers: [header] }] };
  return {
    ...rule,
    matches: mapItems(matches, (match) => ({ ...match, headers: [...itemsOf(match['headers']), header] })),
  };
}

function convertRules(rules: unknown, warnings: string[]): unknown {
  if (!Array.isArray(rules)) return rules;
  return rules.flatMap((rule: unknown, index): unknown[] => {
    const path = `spec.rules[${index}]`;
    const { matches, filters, forwardTo: backends } = fieldsOf(rule);
    const kept = itemsOf(matches).filter((match) => fieldsOf(match)['extensionRef'] === undefined);
    if (kept.length < itemsOf(matches).length) {
      warnings.push(`${path}: matches with an extensionRef have no equivalent`);
      // What has no matches left would match everything.
      if (kept.length === 0) return [];
    }
    if (itemsOf(backends).length === 0) {
      warnings.push(`${path} forwards nowhere: its requests were to be answered with 503, in v1 it is 500`);
    }
    const converted = present({
      matches: Array.isArray(matches)
        ? kept.map((match, at) => convertMatch(match, `${path}.matches[${at}]`, warnings))
        : matches,
      filters: mapItems(filters, convertFilter),
      backendRefs: mapItems(backends, (backend) => {
        const own = mapItems(backend['filters'], convertFilter);
        return present({ ...forwardTo(backend), filters: own });
      }),
    });
    return [converted];
  });
}

function convertMatch(match: unknown, path: string, warnings: string[]): unknown {
  const { path: at, headers } = fieldsOf(match);
  const { type = 'Prefix', value = '/' } = fieldsOf(at);
  if (type === 'ImplementationSpecific') {
    warnings.push(`${path}.path: ImplementationSpecific is read as a prefix`);
  }
  const written = typeof type === 'string' ? (pathTypes.get(type) ?? type) : type;
  return present({
    path: at === undefined || at === null ? undefined : { type: written, value },
    headers: headers === undefined || headers === null ? undefined : convertHeaders(fieldsOf(headers), path, warnings),
  });
}

function convertHeaders({ type = 'Exact', values }: Fields, path: string, warnings: string[]): unknown {
  if (type === 'ImplementationSpecific') warnings.push(`${path}.headers: ImplementationSpecific is read as Exact`);
  const written = type === 'ImplementationSpecific' ? 'Exact' : type;
  return Object.entries(fieldsOf(values)).map(([name, value]) => ({ type: written, name, value }));
}

function convertFilter(filter: Fields): Fields {
  const { type, requestHeaderModifier, requestMirror, extensionRef } = filter;
  const { add, remove } = fieldsOf(requestHeaderModifier);
  const headers = Object.entries(fieldsOf(add)).map(([name, value]) => ({ name, value }));
  const modifier = present({ add: headers.length === 0 ? undefined : headers, remove });
  return present({
    type,
    requestHeaderModifier: requestHeaderModifier === undefined ? undefined : modifier,
    requestMirror: requestMirror === undefined ? undefined : { backendRef: mirrorTo(fieldsOf(requestMirror)) },
    extensionRef: extensionRef === undefined ? undefined : { group: '', ...fieldsOf(toReference(extensionRef)) },
  });
}

function mirrorTo(mirror: Fields): Fields {
  const { weight: _weight, ...ref } = forwardTo(mirror);
  return ref;
}
