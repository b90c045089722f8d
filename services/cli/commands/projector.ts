// `fleetgate projector`: the one writer, as a process of its own.
import type { Command } from 'commander';
import { projectorOptions, startProjector } from '../../projector/command.ts';
import { mountService } from '../service-command.ts';

/** Adds options and action. */
export function configureProjector(command: Command): void {
  mountService(command, 'projector', projectorOptions, startProjector);
}
