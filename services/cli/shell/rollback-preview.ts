// Tells what a rollback would do, and the command that does it to what was seen and nothing else.
import { endpoints } from '#libs/api/endpoints.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import { previewText } from '../views/command-text.ts';
import type { ClientContext } from './client-command.ts';

/** Prints the preview. Throws FleetgateError 'command-refused' where the rollback would be refused. */
export async function previewRollback(
  { client, print }: ClientContext,
  gateway: string,
  to: number | undefined,
): Promise<void> {
  const query = to === undefined ? {} : { to: String(to) };
  const preview = await client.call(endpoints.previewRollback, { params: parsePlaceKey(gateway), query });
  print(preview, () => previewText(preview));
  if (preview.refused !== null) throw fail('command-refused', preview.refused);
}
