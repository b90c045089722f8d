// Runs `fleetgate approve ID`: carries out what another person requested.
import type { Command } from 'commander';
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { readApprovals } from '../client/approval-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import {
  reasonFlags,
  addReasonOptions,
  addWaitOptions,
  tellResult,
  waitFlags,
  waitsOf,
} from '../shell/gateway-command.ts';
import { requestText } from '../views/approval-table.ts';

const flags = z.object({ ...reasonFlags.shape, ...waitFlags.shape });

/** Adds arguments, options and action. */
export function configureApprove(command: Command): void {
  addWaitOptions(addReasonOptions(command.argument('<id>', 'as `approvals` shows it')));
  addClientAction(command, flags, async (context, [id = ''], { reason, ticket, ...waiting }) => {
    const { patienceMs, timeout, wait } = waitsOf(waiting);
    const body = { reason, ticket, timeout, wait };
    const result = await context.client.call(endpoints.approve, { params: { id }, body }, patienceMs);
    const request = (await readApprovals(context.client, {})).find((one) => one.id === id);
    await tellResult(context, result, {
      about: request === undefined ? id : `${requestText(request)} of ${request.gateway}`,
      verb: request?.command === 'release' || request?.command === 'accept' ? request.command : 'rollback',
      wait: waiting.wait,
    });
  });
}
