// Writes ReplaceFullPath and ReplacePrefixMatch as Envoy's rewrite fields. Prefixes are whole path elements; the table
// of the specification (HTTPPathModifier) holds, slashes at the end included:
//
//   path        prefix   replacement   result          path        prefix   replacement   result
//   /foo/bar    /foo     /xyz          /xyz/bar        /foo/bar    /foo     /             /bar
//   /foo        /foo     /xyz          /xyz            /foo        /foo     /             /
//   /foo/       /foo     /xyz          /xyz/           /foo/       /foo     /             /
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import type { PathChange } from '#libs/gateway/filters/http-filter.ts';
import type { ProtoMessage } from './resources.ts';
import { pathPrefix } from './route-match.ts';
import { isPath } from './text-limits.ts';

export type PathRewrite =
  | { readonly type: 'none' }
  | { readonly type: 'full'; readonly path: string }
  | { readonly type: 'prefix'; readonly prefix: string }
  | { readonly type: 'regex'; readonly pattern: string; readonly substitution: string };

/** Says what a change means on one match, or why it cannot be made there. */
export function rewriteOf(
  change: PathChange | undefined,
  path: HttpMatch['path'],
): PathRewrite | { readonly problem: string } {
  if (change === undefined) return { type: 'none' };
  if (change.type === 'full') {
    const full = change.value === '' ? '/' : change.value;
    return isPath(full) ? { type: 'full', path: full } : { problem: 'the new path is not a path' };
  }
  const replacement = pathPrefix(change.value);
  if (!isPath(replacement)) return { problem: 'the new prefix is not a path' };
  if (path.type !== 'PathPrefix') return { problem: 'a prefix can be replaced only where one is matched' };
  const prefix = pathPrefix(path.value);
  if (prefix === replacement) return { type: 'none' };
  if (prefix === '/') return { type: 'prefix', prefix: `${replacement}/` };
  if (replacement === '/') return { type: 'regex', pattern: `^${quote(prefix)}/?`, substitution: '/' };
  return { type: 'prefix', prefix: replacement };
}

/** Gives the fields of a route action. */
export function rewriteFields(rewrite: PathRewrite): ProtoMessage {
  if (rewrite.type === 'none') return {};
  if (rewrite.type === 'prefix') return { prefix_rewrite: rewrite.prefix };
  return rewrite.type === 'full'
    ? regexRewrite('^.*$', rewrite.path)
    : regexRewrite(rewrite.pattern, rewrite.substitution);
}

/** Gives the fields of a redirect action. */
export function redirectFields(rewrite: PathRewrite): ProtoMessage {
  return rewrite.type === 'full' ? { path_redirect: rewrite.path } : rewriteFields(rewrite);
}

function regexRewrite(pattern: string, substitution: string): ProtoMessage {
  return {
    regex_rewrite: { pattern: { regex: pattern }, substitution: substitution.replaceAll('\\', '\\\\') },
  };
}

function quote(text: string): string {
  return text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}
