// Runs `fleetgate rebuild [--verify]`: writes anew what the history gives, or compares it with what is stored.
import type { Command } from 'commander';
import { addOptions, readOptions } from '#libs/runtime/config.ts';
import { rebuildOptions } from '../../projector/rebuild/options.ts';
import { runRebuild } from '../../projector/rebuild/rebuild.ts';
import { withLocalDatabase } from '../local/local-database.ts';

/** Adds options and action. */
export function configureRebuild(command: Command): void {
  addOptions(command, rebuildOptions).action(async (flags: Record<string, unknown>) => {
    const env = await withLocalDatabase(process.env);
    await runRebuild(readOptions(rebuildOptions, flags, env), (line) => process.stdout.write(`${line}\n`));
  });
}
