// Reads the canary Ingresses of ingress-nginx, which share the paths of another Ingress, and gives the rules that say
// the same in v1: a share of the requests by weights, or those with a certain header.
import { type Fields, fieldsOf, itemsOf, stringsOf, textOf, type WrittenObject } from './conversion.ts';

const prefix = 'nginx.ingress.kubernetes.io/canary';

/** How a canary takes requests away from the Ingress whose path it shares. */
export interface Canary {
  /** The backend of the path, as the canary Ingress has it. */
  readonly backend: unknown;
  /** Where the backend stands, for warnings. */
  readonly where: string;
  /** What its annotations say, by the part of their name after `canary-`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Says whether an Ingress only takes a share of the paths of another one. */
export function isCanary(ingress: WrittenObject): boolean {
  return stringsOf(ingress.metadata.annotations)[prefix] === 'true';
}

/** Says whether an annotation is one of those that `canaryRules` reads. */
export function isCanaryAnnotation(key: string): boolean {
  return key === prefix || readSettings.has(key.slice(prefix.length + 1)) || key === `${prefix}-by-cookie`;
}

/** Gives the paths of a canary Ingress, each with the key that the same path of another Ingress has. */
export function canariesOf(ingress: WrittenObject): readonly (readonly [key: string, canary: Canary])[] {
  const settings = Object.fromEntries(
    Object.entries(stringsOf(ingress.metadata.annotations)).flatMap(([key, value]) =>
      key.startsWith(`${prefix}-`) ? [[key.slice(prefix.length + 1), value]] : [],
    ),
  );
  const { name } = ingress.metadata;
  const spec = fieldsOf(ingress['spec']);
  const paths = itemsOf(spec['rules']).flatMap((rule, index) => {
    const { host, http } = fieldsOf(rule);
    return itemsOf(fieldsOf(http)['paths']).map((item, at): readonly [string, Canary] => {
      const path = fieldsOf(item);
      const where = `the canary ${name}, spec.rules[${index}].http.paths[${at}].backend`;
      return [pathKey(textOf(host) || '*', path), { backend: path['backend'], where, settings }];
    });
  });
  const { defaultBackend } = spec;
  if (defaultBackend === undefined || defaultBackend === null) return paths;
  const where = `the canary ${name}, spec.defaultBackend`;
  return [...paths, [defaultKey, { backend: defaultBackend, where, settings }]];
}

/** The key of the default backend, which stands for every host. */
export const defaultKey = '* default';

/** Gives the keys of the paths of an Ingress. */
export function pathKeysOf(ingress: WrittenObject): readonly string[] {
  return canariesOf(ingress).map(([key]) => key);
}

/** Names a path by its host, type and value. */
export function pathKey(host: string, { path, pathType }: Fields): string {
  const type = textOf(pathType) ?? 'ImplementationSpecific';
  return `${host} ${type === 'ImplementationSpecific' ? 'Prefix' : type} ${textOf(path) || '/'}`;
}

/**
 * Gives the rules for a path that a canary shares: `rule` is the one for the path alone, `backendRefs` are the
 * canary's.
 */
export function canaryRules(
  rule: Fields,
  backendRefs: readonly Fields[],
  { settings, where }: Canary,
  warnings: string[],
): readonly Fields[] {
  for (const name of Object.keys(settings))
    if (!readSettings.has(name)) warnings.push(`${where}: ${prefix}-${name} has no equivalent, and is left out`);
  const withHeader = (type: string, value: string, refs: unknown): Fields => ({
    ...rule,
    matches: itemsOf(rule['matches'] ?? [{}]).map((match) => ({
      ...fieldsOf(match),
      headers: [{ ...(type === 'Exact' ? {} : { type }), name: settings['by-header'], value }],
    })),
    backendRefs: refs,
  });
  const first: Fields[] = [];
  if (settings['by-header'] !== undefined) {
    const pattern = settings['by-header-pattern'];
    if (settings['by-header-value'] !== undefined)
      first.push(withHeader('Exact', settings['by-header-value'], backendRefs));
    else if (pattern !== undefined) first.push(withHeader('RegularExpression', `.*(?:${pattern}).*`, backendRefs));
    else {
      first.push(withHeader('Exact', 'always', backendRefs));
      first.push(withHeader('Exact', 'never', rule['backendRefs']));
    }
  }
  const weight = wholeNumber(settings['weight'], 0);
  const total = wholeNumber(settings['weight-total'], 100);
  if (weight === undefined || total === undefined || weight > total) {
    warnings.push(`${where}: its weight is no share of a whole, and is left out`);
    return [...first, rule];
  }
  if (weight === 0) return [...first, rule];
  const refs = [...weighted(rule['backendRefs'], total - weight), ...weighted(backendRefs, weight)];
  return [...first, { ...rule, backendRefs: refs }];
}

function weighted(refs: unknown, weight: number): readonly Fields[] {
  return itemsOf(refs).map((ref) => ({ ...fieldsOf(ref), weight }));
}

const readSettings: ReadonlySet<string> = new Set([
  'weight',
  'weight-total',
  'by-header',
  'by-header-value',
  'by-header-pattern',
]);

function wholeNumber(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}
