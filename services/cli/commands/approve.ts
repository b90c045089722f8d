// Runs `fleetgate approve ID`: carries out what another person requested.
import type { Command } from 'commander';
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { addClientAction } from '../shell/client-command.ts';
import {
  reasonFlags,
  addReasonOptions,
  addWaitOptions,
  tellResult,
  waitFlags,
  waitsOf,
} from '../shell/gateway-command.ts';

const flags = z.object({ ...reasonFlags.shape, ...waitFlags.shape });

/** Adds arguments, options and action. */
export function configureApprove(command: Command): void {
  addWaitOptions(addReasonOptions(command.argument('<id>', 'as `approvals` shows it')));
  addClientAction(command, flags, async (context, [id = ''], { reason, ticket, ...waiting }) => {
    const { patienceMs, timeout, wait } = waitsOf(waiting);
    const body = { reason, ticket, timeout, wait };
    const result = await context.client.call(endpoints.approve, { params: { id }, body }, patienceMs);
    const { type, gateway } = await context.client.call(endpoints.readOperation, { params: { id } });
    const verb = type === 'release' || type === 'accept' ? type : 'rollback';
    await tellResult(context, result, { about: gateway ?? id, verb, wait: waiting.wait });
  });
}
