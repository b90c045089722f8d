// Parses spec.tls.frontend of a Gateway, which says which client certificates are demanded on which ports. What cannot
// be read demands what nobody has: serving without the check would open what the user wants closed.
import { parseAuthorityRef } from './authority.ts';
import type { Cursor } from './cursor.ts';
import type { ObjectRef } from './object-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';

type ValidationMode = 'AllowValidOnly' | 'AllowInsecureFallback';

export type FrontendValidation =
  | { readonly authorities: readonly ObjectRef[]; readonly mode: ValidationMode }
  | { readonly problems: readonly Problem[] };

export interface FrontendTls {
  /** For ports without their own; absent = no certificate is asked for. */
  readonly default?: FrontendValidation;
  /** Without a validation, the port is exempt from the default. */
  readonly perPort: readonly { readonly port: number; readonly validation?: FrontendValidation }[];
}

/** Parses spec.tls.frontend. */
export function parseFrontendTls(frontend: Cursor, namespace: string): FrontendTls {
  const problems: Problem[] = [];
  const at = frontend.into(problems);
  at.object();
  const general = parseConfig(at.field('default'), namespace);
  const ports = new Set<number>();
  const perPort = at
    .field('perPort')
    .items(64)
    .flatMap((item) => {
      const port = item.field('port').present ? item.field('port').integer(1, 65535) : undefined;
      if (port === undefined || ports.has(port)) return item.problem('must have a port of its own') ?? [];
      ports.add(port);
      const validation = parseConfig(item.field('tls'), namespace);
      return [{ port, ...(validation === undefined ? {} : { validation }) }];
    });
  // Nobody knows which ports are meant.
  if (problems.length > 0) return { default: { problems }, perPort: [] };
  return { ...(general === undefined ? {} : { default: general }), perPort };
}

/** Says what is wrong with it, also where no listener asks for it. */
export function frontendProblems({ default: general, perPort }: FrontendTls): readonly Problem[] {
  const all = [general, ...perPort.map(({ validation }) => validation)];
  return all.flatMap((one) => (one !== undefined && 'problems' in one ? one.problems : []));
}

function parseConfig(config: Cursor, namespace: string): FrontendValidation | undefined {
  const problems: Problem[] = [];
  const at = config.into(problems);
  at.object();
  const validation = at.field('validation');
  const isDemanded = validation.object() !== undefined;
  const mode = validation.field('mode').oneOf(['AllowValidOnly', 'AllowInsecureFallback']) ?? 'AllowValidOnly';
  const refs = validation.field('caCertificateRefs');
  const items = refs.items(16);
  if (isDemanded && items.length === 0) refs.problem('must name at least one object');
  const authorities = items.flatMap((item) => parseAuthorityRef(item, namespace) ?? []);
  if (problems.length > 0) return { problems };
  return isDemanded ? { authorities, mode } : undefined;
}
