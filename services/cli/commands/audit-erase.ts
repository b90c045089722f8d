// Runs `fleetgate audit erase PERSON`: erases a name or an address of a person from the history.
import type { Command } from 'commander';
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { addClientAction } from '../shell/client-command.ts';
import { erasureText } from '../views/erasure-text.ts';

const flags = z.object({ yes: z.boolean().default(false), reason: z.string().max(1000).optional() });
/** The whole history is looked through. */
const timeoutMs = 290_000;

/** Adds argument, options and action. */
export function configureAuditErase(command: Command): void {
  command
    .description(
      "Erases a text about a person for good: the name that its tokens have, or an address. Needs an admin's token. " +
        'Events are not changed, and what was proven of them stays proven. Without --yes it only says what would be ' +
        'done.',
    )
    .option('--yes', 'do it')
    .option('--reason <text>', 'why; kept in the history');
  addClientAction(command, flags, async ({ client, print }, [person = ''], { yes, reason }) => {
    const answer = await client.call(endpoints.erasePerson, { body: { person, dryRun: !yes, reason } }, timeoutMs);
    print(answer, () => erasureText(answer));
  });
}
