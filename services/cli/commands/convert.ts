// Runs `fleetgate convert`: prints manifests of older APIs as the Gateway API's v1, and on stderr what has no
// equivalent.
import type { Command } from 'commander';
import { convertSet } from '#libs/gateway/conversion/convert-set.ts';
import { readObjects } from '../manifests/written-objects.ts';
import { exitCodes } from '../shell/exit-code.ts';
import { type ManifestFormat, outputOption } from '../shell/output-format.ts';
import { printConverted, warningsOf } from '../views/converted-text.ts';

interface ConvertOptions {
  readonly output: ManifestFormat;
  readonly strict?: boolean;
}

const older = 'Ingress, IngressClass and everything of networking.x-k8s.io/v1alpha1 (Service APIs 0.1)';
const description = `Converts ${older} to gateway.networking.k8s.io/v1.
What is v1 already, and what is no routing, is printed as it is. Give all files that belong together at once:
labels decide which Gateway serves an old route, and Services know the numbers of named ports.`;

/** Adds arguments, options and action. */
export function configureConvert(command: Command): void {
  command
    .description(description)
    .argument('<file...>', 'files or folders of manifests; - is stdin')
    .addOption(outputOption('manifests'))
    .option('--strict', 'exit with 1 where something has no equivalent')
    .action(async (paths: readonly string[], { output, strict }: ConvertOptions) => {
      const converted = convertSet(await readObjects(paths));
      process.stdout.write(printConverted(converted, output));
      const warnings = converted.flatMap(warningsOf);
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      if (strict === true && warnings.length > 0) process.exitCode = exitCodes.failed.code;
    });
}
