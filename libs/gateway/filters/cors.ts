// Parses an HTTPCORSFilter, which says which pages of other origins may read the answers.
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { headerName } from '#libs/gateway/fields/names.ts';

/** With the specification's defaults filled in. */
export interface CorsPolicy {
  /** '*' = any; `https://*.example.com` = wildcard. In lower case. */
  readonly allowOrigins: readonly string[];
  /** '*' = any. GET, HEAD and POST are always allowed. */
  readonly allowMethods: readonly string[];
  /** '*' = any. */
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number;
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', '*'] as const;
const maxAgeDefault = 5;
const origin = {
  min: 1,
  max: 253,
  pattern: /^(\*|https?:\/\/(\*|(\*\.)?([a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+)(:[0-9]{1,5})?)$/,
  expected: 'an origin such as https://example.com, with "*" at most for the left part of the host',
};

/** Parses `cors` of a filter, noting what is wrong. */
export function parseCors(at: Cursor): CorsPolicy {
  at.requiredObject();
  const allowOrigins = texts(at.field('allowOrigins'), 64, (item) => item.requiredText(origin)?.toLowerCase());
  const allowMethods = texts(at.field('allowMethods'), 10, (item) => item.oneOf(methods));
  const allowHeaders = texts(at.field('allowHeaders'), 64, (item) => item.requiredText(headerName));
  const exposeHeaders = texts(at.field('exposeHeaders'), 64, (item) => item.requiredText(headerName));
  for (const [name, list] of Object.entries({ allowOrigins, allowMethods, allowHeaders })) {
    if (list.includes('*') && list.length > 1) at.field(name).problem('cannot have "*" beside others');
  }
  return {
    allowOrigins,
    allowMethods,
    allowHeaders,
    exposeHeaders,
    allowCredentials: at.field('allowCredentials').boolean() ?? false,
    maxAgeSeconds: at.field('maxAge').integer(1, 2_147_483_647) ?? maxAgeDefault,
  };
}

/** Reads texts in the order written, each once. */
function texts(at: Cursor, max: number, read: (item: Cursor) => string | undefined): readonly string[] {
  return [...new Set(at.items(max).flatMap((item) => read(item) ?? []))];
}
