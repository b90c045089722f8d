// Runs `fleetgate projector`: the one writer, as a process of its own.
import type { Command } from 'commander';
import { projectorOptions } from '../../projector/options.ts';
import { startProjector } from '../../projector/projector.ts';
import { mountService } from '../shell/service-command.ts';

/** Adds options and action. */
export function configureProjector(command: Command): void {
  mountService(command, 'projector', projectorOptions, startProjector);
}
