// Runs `fleetgate stages [CHANGE]`: shows which stages of the projection a change ran, for which keys, because of what,
// how long they took, and where the change stopped.
import type { Command } from 'commander';
import { z } from 'zod';
import { addOptions, defineOptions, readOptions } from '#libs/runtime/config.ts';
import { fail } from '#libs/runtime/errors.ts';
import { databaseOptions } from '#libs/runtime/shared-options.ts';
import { limitOptions, limitsOf } from '../../projector/limits.ts';
import type { WantedEvent } from '../../projector/replay/replay.ts';
import { withLocalDatabase } from '../local/local-database.ts';
import { type ObjectName, parseObjectName } from '../names/object-name.ts';
import { addFleetOptions, fleetFlags, parseFlags } from '../shell/options.ts';
import { currentLook, printAnswer } from '../shell/output-format.ts';
import { historyStages, manifestStages, type StagesReport } from '../stages/stages-report.ts';
import { stagesText } from '../views/stages-text.ts';

const replayOptions = defineOptions({ ...databaseOptions, ...limitOptions });

const flags = fleetFlags.extend({
  manifests: z.string().optional(),
  cluster: z.string().optional(),
  all: z.boolean().default(false),
});

type Flags = z.output<typeof flags>;

const more = `
Examples:
  fleetgate stages                                  the newest event of the local \`fleetgate up\`
  fleetgate stages 33                               event 33, as \`fleetgate history\` numbers them
  fleetgate stages eu/HTTPRoute/shop/shop           the newest event of this object
  fleetgate stages --manifests ./eu                 a folder, all at once
  fleetgate stages eu/HTTPRoute/shop/shop --manifests ./eu
                                                    this object, when it comes after all others of the folder

Each stage of the projection is a pure function of a key and of what it reads. A stage runs again at a key when
something that it reads changed; an output that is the same as before stops the change there. MS is the time in the
stage itself.

The events of the history before the change are folded first, so that it takes as long as \`fleetgate rebuild --verify\`
up to there; nothing is written, and a projector may run beside it. An event is folded alone, also where its transaction
held more. Endpoints, key material and what nodes report are not in the history, so that no stage runs because of them.
With --log-level debug a projector tells of every batch as it comes.`;

/** Adds arguments, options and action. */
export function configureStages(command: Command): void {
  command
    .argument('[change]', 'number of an event, or cluster/Kind/namespace/name: its newest (default: the newest of all)')
    .option('--manifests <folder>', 'of the manifests in a folder, without a fleet: all, or one that comes last')
    .option('--cluster <name>', 'the cluster that the manifests are of (default: that of CHANGE, else local)')
    .option('--all', 'list every key, however many there are');
  addFleetOptions(command);
  addOptions(command, replayOptions)
    .addHelpText('after', more)
    .action(async (change: string | undefined) => {
      const given = parseFlags(flags, command);
      const report = await readReport(change, given, command.opts());
      printAnswer(given.output, report, () => stagesText(report, currentLook(), given.all));
    });
}

async function readReport(
  change: string | undefined,
  { manifests, cluster, data }: Flags,
  opts: Readonly<Record<string, unknown>>,
): Promise<StagesReport> {
  if (manifests !== undefined) {
    const last = change === undefined ? undefined : readObject(change);
    return manifestStages(manifests, cluster ?? last?.cluster ?? 'local', last, now);
  }
  const env = await withLocalDatabase(data === undefined ? process.env : { ...process.env, FLEETGATE_DATA: data });
  const { databaseUrl, ...limits } = readOptions(replayOptions, opts, env);
  return historyStages(databaseUrl, readWanted(change), { limits: limitsOf(limits), now });
}

function now(): number {
  return performance.now();
}

function readWanted(change: string | undefined): WantedEvent {
  if (change === undefined) return { by: 'newest' };
  if (/^\d{1,18}$/u.test(change)) return { by: 'seq', seq: change };
  return { by: 'object', object: readObject(change) };
}

function readObject(text: string): ObjectName {
  const parsed = parseObjectName(text);
  if ('name' in parsed) return parsed.name;
  throw fail('config', `"${text}" is no event and no object: ${parsed.problem}`, {
    hint: 'Write a number of `fleetgate history`, or cluster/Kind/namespace/name.',
  });
}
