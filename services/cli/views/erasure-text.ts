// Says what of a person was, or would be, erased, and what stays.
import type { z } from 'zod';
import type { erasure } from '#libs/api/models/person.ts';

/** Writes a line for each thing that is erased, then what is not. */
export function erasureText({
  erased,
  texts,
  inReasons,
  revokedTokens,
  activeTokens,
}: z.output<typeof erasure>): string {
  const [erases, renames] = erased ? ['erased', 'renamed'] : ['would be erased', 'would be renamed'];
  const lines = texts.map(
    ({ shownAs, events }) => `${erases}: the text in ${count(events, 'event')}, from then on ${shownAs}`,
  );
  if (revokedTokens > 0) lines.push(`${renames}: ${count(revokedTokens, 'revoked token')} of that name`);
  if (inReasons !== null && inReasons > 0)
    lines.push(`stays: reasons of ${count(inReasons, 'event')} that have the text, as people wrote them`);
  if (activeTokens > 0)
    lines.push(
      `stays: ${count(activeTokens, 'token')} of that name; what is done with it names it again until it is revoked`,
    );
  if (!erased) lines.push('Nothing was done. It cannot be undone: give --yes to do it.');
  return lines.join('\n');
}

function count(number: number, what: string): string {
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}
