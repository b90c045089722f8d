// `fleetgate agent`: watches one cluster, as a process of its own.
import type { Command } from 'commander';
import { agentOptions, startAgent } from '../../agent/command.ts';
import { mountService } from '../service-command.ts';

/** Adds options and action. */
export function configureAgent(command: Command): void {
  mountService(command, 'agent', agentOptions, startAgent);
}
