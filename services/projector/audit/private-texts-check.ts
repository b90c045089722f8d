// Checks that each text about a person is the one whose hash stands in the history.
import type { ClientBase } from 'pg';
import { privateIdOf } from '#libs/events/private-text.ts';
import { type BinaryRow, copyRows } from '../store/binary-copy.ts';

/** Gives how many texts there are, and the ids whose text is another. The client must be in a transaction. */
export async function checkPrivateTexts(
  client: ClientBase,
): Promise<{ readonly count: number; readonly altered: readonly string[] }> {
  const query = 'select id, salt, text from private_texts order by id';
  let count = 0;
  const altered: string[] = [];
  for await (const texts of copyRows(client, query, toText)) {
    count += texts.length;
    altered.push(...texts.filter(({ holds }) => !holds).map(({ id }) => id));
  }
  return { count, altered };
}

function toText([id, salt, text]: BinaryRow): { readonly id: string; readonly holds: boolean } {
  const stored = id?.toString() ?? '';
  return { id: stored, holds: privateIdOf(salt ?? Buffer.of(), text?.toString() ?? '') === stored };
}
