// Runs `fleetgate reject ID`: refuses what another person requested, or takes back what one requested oneself.
import type { Command } from 'commander';
import { endpoints } from '#libs/api/endpoints.ts';
import { fail } from '#libs/runtime/errors.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addReasonOptions, reasonFlags } from '../shell/gateway-command.ts';
import { requestText } from '../views/approval-table.ts';

/** Adds arguments, options and action. */
export function configureReject(command: Command): void {
  addReasonOptions(command.argument('<id>', 'as `approvals` shows it'));
  addClientAction(command, reasonFlags, async ({ client, print }, [id = ''], body) => {
    const result = await client.call(endpoints.reject, { params: { id }, body });
    if (!('state' in result)) {
      print(result, () => `${id}: not decided`);
      throw fail('not-decided', result.message);
    }
    print(result, () => `the ${requestText(result)} of ${result.gateway} is rejected, and nothing is carried out`);
  });
}
