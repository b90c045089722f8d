// Tells which gateways a node serves. The node says it by globs over `cluster/namespace/name`, where `*` stands for any
// text within one part. After a `?` a glob may carry a label selector that narrows it by the labels of the Gateway
// object: `*/*/*?tier=edge,env!=test,key,!key`.
import { type LabelRequirement, type LabelSelector, selects } from '#libs/gateway/fields/label-selector.ts';

export type Labels = Readonly<Record<string, string>>;

/**
 * Tells whether one of the items of a node is for a gateway with these labels. A selector that cannot be read is for
 * none.
 */
export function matchesGateway(serves: readonly string[], gateway: string, labels: Labels): boolean {
  return serves.some((item) => {
    if (!matchesGlob(globOf(item), gateway)) return false;
    const selector = selectorOf(item);
    return selector !== undefined && selects(selector, labels);
  });
}

/** Tells whether the items let a node serve a gateway whose labels are not known: by their globs alone. */
export function mayServe(serves: readonly string[], gateway: string): boolean {
  return serves.some((item) => matchesGlob(globOf(item), gateway));
}

/** Tells whether a glob matches a text with as many parts. */
export function matchesGlob(glob: string, text: string): boolean {
  const patterns = glob.split('/');
  const parts = text.split('/');
  return patterns.length === parts.length && patterns.every((pattern, i) => matchesPart(pattern, parts[i] ?? ''));
}

/** Gives an item without its selector. */
export function globOf(item: string): string {
  return item.split('?', 1)[0] ?? '';
}

/** Says what is wrong with an item; undefined = nothing. */
export function servesProblem(item: string): string | undefined {
  if (!/^[^/\s,]+\/[^/\s,]+\/[^/\s,]+$/.test(globOf(item))) return `"${item}" is not CLUSTER/NAMESPACE/NAME`;
  if (selectorOf(item) !== undefined) return undefined;
  return `"${item}" has no label selector after the "?", such as tier=edge,env!=test,key,!key`;
}

/** Splits a text into the items between its commas; those of a selector stay where they are. */
export function splitServes(text: string): readonly string[] {
  return text.split(/,(?=[^,/?]*\/[^,/?]*\/)/);
}

const name = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?$/;
const requirement = /^(!?)([^!=\s]+?)(?:(==?|!=)([^!=\s]*))?$/;

/** Reads a selector; none selects everything; undefined = it cannot be read. */
function selectorOf(item: string): LabelSelector | undefined {
  const at = item.indexOf('?');
  if (at < 0) return [];
  const requirements = item
    .slice(at + 1)
    .split(',')
    .map((text) => parseRequirement(text.trim()));
  const known = requirements.filter((one) => one !== undefined);
  return known.length === requirements.length ? known : undefined;
}

function parseRequirement(text: string): LabelRequirement | undefined {
  const [, not = '', key = '', operator, value = ''] = requirement.exec(text) ?? [];
  const parts = key.split('/');
  if (parts.length > 2 || !parts.every((part) => name.test(part))) return undefined;
  if (operator === undefined) return { key, operator: not === '' ? 'Exists' : 'DoesNotExist', values: [] };
  if (not !== '' || (value !== '' && !name.test(value))) return undefined;
  return { key, operator: operator === '!=' ? 'NotIn' : 'In', values: [value] };
}

/** Takes each literal at its first place; linear in the text for each star. */
function matchesPart(pattern: string, text: string): boolean {
  const literals = pattern.split('*');
  const [first = ''] = literals;
  if (literals.length === 1) return first === text;
  const last = literals.at(-1) ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const literal of literals.slice(1, -1)) {
    const found = text.indexOf(literal, at);
    if (found < 0 || found + literal.length > end) return false;
    at = found + literal.length;
  }
  return true;
}
