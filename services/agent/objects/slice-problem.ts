// Says what is wrong with an EndpointSlice. It has no status and belongs to no version, so that nobody else can.
import { toLocalKey } from '#libs/gateway/object-key.ts';
import { parseEndpointSlice } from '#libs/gateway/objects/endpoint-slice.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import { type SourceChange, objectName } from '../source.ts';

const listedMax = 3;

/**
 * Gives the key of the slice and a sentence for people, or null where there is nothing to say; undefined = it is no
 * EndpointSlice.
 */
export function sliceProblem(
  change: SourceChange,
): { readonly about: string; readonly sentence: string | null } | undefined {
  if (change.kind !== 'EndpointSlice') return undefined;
  if (change.type === 'deleted') return { about: toLocalKey(change), sentence: null };
  const name = objectName(change.kind, change.object);
  const problems = parseEndpointSlice(change.object)?.problems ?? [];
  const facts = problems.slice(0, listedMax).map(describeProblem).join('; ');
  const sentence = facts === '' ? null : `EndpointSlice ${name.namespace}/${name.name}: ${facts}`;
  return { about: toLocalKey(name), sentence };
}
