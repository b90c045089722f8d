// Runs `fleetgate demo-upstreams NAME=DIR …`: serves the small services behind the example; `up --demo` starts it.
import type { Command } from 'commander';
import { fail } from '#libs/runtime/errors.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { startDemoUpstreams } from '../demo/demo-upstreams.ts';
import { parseClusterSource } from '../up/cluster-source.ts';

/** Adds arguments and action. */
export function configureDemoUpstreams(command: Command): void {
  command.argument('<cluster...>', 'NAME=DIR').action((clusters: readonly string[]) => {
    const log = createLogger({ service: 'demo-upstreams' });
    const folders = clusters.map((text) => {
      const result = parseClusterSource(text, process.cwd());
      if (!('source' in result) || result.source.type !== 'folder') throw fail('config', `"${text}" is not NAME=DIR`);
      return { cluster: result.source.name, folder: result.source.folder };
    });
    runService('demo-upstreams', () => startDemoUpstreams(folders, (problem) => log.warn(problem)), { log });
  });
}
