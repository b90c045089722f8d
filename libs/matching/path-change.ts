// Says what a path becomes by an HTTPPathModifier. Prefixes are whole path elements.
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import type { PathChange } from '#libs/gateway/filters/http-filter.ts';

/** Gives the new path (without query), or why there is none. */
export function changePath(
  path: string,
  change: PathChange,
  matched: HttpMatch['path'],
): string | { readonly problem: string } {
  if (change.type === 'full') return change.value === '' ? '/' : change.value;
  if (matched.type !== 'PathPrefix') return { problem: 'a prefix can be replaced only where one is matched' };
  const prefix = withoutSlashes(matched.value);
  const rest = path.slice(prefix.length);
  const changed = `${withoutSlashes(change.value)}${rest}`;
  return changed === '' ? '/' : changed;
}

function withoutSlashes(value: string): string {
  return value.replace(/\/+$/, '');
}
