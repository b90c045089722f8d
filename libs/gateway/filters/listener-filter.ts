// Parses `filters.requests` of a listener: what runs on every request before rules are asked, in this order
// (GEP-5224). A filter that cannot be read, or is of a type that is not known, is a value: its listener is not
// accepted, whatever the others say.
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import { type ExternalAuthFilter, parseExternalAuth } from './external-auth.ts';
import { type ExtensionFilter, parseExtension } from './http-filter.ts';

export type ListenerFilter =
  | ExternalAuthFilter
  | ExtensionFilter
  /** Of a type that is no ListenerFilterType. */
  | { readonly type: 'unsupported'; readonly problem: Problem }
  | { readonly type: 'invalid'; readonly problems: readonly Problem[] };

const filtersMax = 16;
/** Fields of the payloads, by the type that has them. */
const payloads = { ExternalAuth: 'externalAuth', ExtensionRef: 'extensionRef' } as const;

/**
 * Reads the filters of a listener. That only HTTP and HTTPS have them is a CEL rule of Gateways which the schema of
 * ListenerSets lacks: it is checked here for both.
 */
export function parseListenerFilters(
  filters: Cursor,
  protocol: string | undefined,
  ownNamespace: string,
): readonly ListenerFilter[] {
  const problems: Problem[] = [];
  const at = filters.into(problems);
  if (at.object() !== undefined && protocol !== undefined && protocol !== 'HTTP' && protocol !== 'HTTPS')
    at.problem(`may only be set when protocol is HTTP or HTTPS, is ${protocol}`);
  const items = at.field('requests').items(filtersMax);
  if (problems.length > 0) return [{ type: 'invalid', problems }];
  return items.map((item) => parseListenerFilter(item, ownNamespace));
}

function parseListenerFilter(item: Cursor, ownNamespace: string): ListenerFilter {
  const problems: Problem[] = [];
  const at = item.into(problems);
  const type = at.requiredObject() && at.field('type').requiredText({ min: 1 });
  if (type !== undefined && type !== 'ExternalAuth' && type !== 'ExtensionRef') {
    const message = `${JSON.stringify(type)} is not supported on listeners; ExternalAuth is`;
    return { type: 'unsupported', problem: { path: at.field('type').path, message } };
  }
  const filter = type && parsePayload(at, type, ownNamespace);
  return filter === undefined || problems.length > 0 ? { type: 'invalid', problems } : filter;
}

function parsePayload(
  at: Cursor,
  type: keyof typeof payloads,
  ownNamespace: string,
): ExternalAuthFilter | ExtensionFilter | undefined {
  const own = at.field(payloads[type]);
  const other = at.field(payloads[type === 'ExternalAuth' ? 'ExtensionRef' : 'ExternalAuth']);
  if (other.present) other.problem(`must not be set where type is ${type}`);
  return type === 'ExternalAuth' ? parseExternalAuth(own, ownNamespace) : parseExtension(own);
}
