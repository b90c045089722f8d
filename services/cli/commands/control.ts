// Runs `fleetgate control`: serves the API and the hub as a process of its own.
import type { Command } from 'commander';
import { startControl } from '../../control/control.ts';
import { controlOptions } from '../../control/options.ts';
import { mountService } from '../shell/service-command.ts';

/** Adds options and action. */
export function configureControl(command: Command): void {
  mountService(command, 'control', controlOptions, startControl);
}
