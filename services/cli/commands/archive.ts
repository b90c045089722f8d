// Runs `fleetgate archive`: old events and versions leave the database; `archive restore` brings a version back, and
// `archive events` prints what left.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import { addOptions, defineOptions, readOptions, text } from '#libs/runtime/config.ts';
import { fail } from '#libs/runtime/errors.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { databaseOptions } from '#libs/runtime/shared-options.ts';
import { archivedEvents } from '../../projector/archive/archived-events.ts';
import { runArchive, startArchiving } from '../../projector/archive/archiving.ts';
import { archiveOptions } from '../../projector/archive/options.ts';
import { restoreVersion } from '../../projector/archive/restore-version.ts';
import { openPlace } from '../../projector/places/open-place.ts';
import { withClient } from '../../projector/store/one-client.ts';
import { withLocalDatabase } from '../local/local-database.ts';
import { readObjectName } from '../names/object-name.ts';
import { readTime } from '../names/typed-time.ts';
import { outputFormats, outputOption, printAnswer } from '../shell/output-format.ts';

type Flags = Record<string, unknown>;

const outputFlag = z.object({ output: z.enum(outputFormats.answer) });
const restoreOptions = defineOptions({ databaseUrl: databaseOptions.databaseUrl });
const eventOptions = defineOptions({
  archive: { flag: '--archive <place>', schema: text(), description: 'where they lie' },
});
const filterFlags = z.object({
  cluster: z.string().optional(),
  kind: z.string().optional(),
  namespace: z.string().optional(),
  object: z.string().optional(),
  type: z.string().optional(),
  by: z.string().optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  bodies: z.boolean().optional(),
});

/** Adds options, action and sub-commands. */
export function configureArchive(command: Command): void {
  configureRun(command.command('run', { isDefault: true }).summary('move old events and versions out of the database'));
  configureRestore(command.command('restore').summary('bring a version back, so that it can be rolled back to'));
  configureEvents(command.command('events').summary('print events that left the database, as JSON Lines'));
}

function configureRun(command: Command): void {
  addOptions(command, archiveOptions)
    .addOption(outputOption('answer'))
    .action(async (flags: Flags) => {
      const { output } = outputFlag.parse(flags);
      const options = readOptions(archiveOptions, flags, await withLocalDatabase(process.env));
      const { every } = options;
      if (every !== undefined) {
        const log = createLogger({ service: 'archive', level: options.logLevel });
        runService('archive', async (signal) => startArchiving({ ...options, every }, log, signal), { log });
        return;
      }
      const report = await runArchive(options);
      const { events, versions, entries, place, before } = report;
      const moved =
        events === null ? 'no events' : `events ${events.first} to ${events.last} (${events.gone} left the database)`;
      printAnswer(
        output,
        report,
        () => `${moved}, ${versions} versions and ${entries} entries from before ${before} are in ${place}`,
      );
    });
}

function configureRestore(command: Command): void {
  addOptions(command.argument('<gateway@version>', 'cluster/namespace/name@number'), restoreOptions)
    .addOption(outputOption('answer'))
    .action(async (wanted: string, flags: Flags) => {
      const { output } = outputFlag.parse(flags);
      const [, gateway, number] = /^([^@/]+\/[^@/]+\/[^@/]+)@([1-9]\d{0,8})$/.exec(wanted) ?? [];
      if (gateway === undefined || number === undefined)
        throw fail('config', `${wanted} is no version of a gateway, such as eu/platform/shared@12`);
      const { databaseUrl } = readOptions(restoreOptions, flags, await withLocalDatabase(process.env));
      const version = Number(number);
      const from = await withClient({ url: databaseUrl, name: 'fleetgate archive restore' }, (client) =>
        restoreVersion(client, gateway, version),
      );
      printAnswer(output, { ...parsePlaceKey(gateway), version, from }, () =>
        [`version ${version} of ${gateway} is back, from ${from}`, 'The next run archives it again.'].join('\n'),
      );
    });
}

function configureEvents(command: Command): void {
  addOptions(command, eventOptions)
    .option('--cluster <name>', 'by its name in the history')
    .option('--kind <kind>', 'of objects of this kind')
    .option('--namespace <name>', 'in this namespace')
    .option('--object <object>', 'only of this object: cluster/Kind/namespace/name')
    .option('--type <type>', 'of this type')
    .option('--by <manager>', 'by this manager, or id of a person')
    .option('--since <time>', 'recorded since then: 2026-01-31T09:30:00Z, or how long ago: 15m, 2h, 3d')
    .option('--until <time>', 'recorded before then')
    .addOption(new Option('--bodies', 'with what the event said'))
    .action(async (flags: Flags) => {
      const filter = filterFlags.parse(flags);
      const now = new Date();
      const since = filter.since === undefined ? -Infinity : readTime('--since', filter.since, now).getTime();
      const until = filter.until === undefined ? Infinity : readTime('--until', filter.until, now).getTime();
      const { object, ...others } = filter;
      const wanted = { ...others, ...(object === undefined ? {} : readObjectName('--object', object)), since, until };
      const place = openPlace(readOptions(eventOptions, flags, process.env).archive, process.env);
      for await (const events of archivedEvents(place, Number.MAX_SAFE_INTEGER))
        for (const { leaf: _, hash: __, data, ...event } of events)
          if (isWanted(event, wanted))
            process.stdout.write(`${JSON.stringify(filter.bodies === true ? { ...event, data } : event)}\n`);
    });
}

interface Described {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  readonly manager: string | null;
  readonly recordedAt: string;
}

type Filter = Omit<z.output<typeof filterFlags>, 'since' | 'until' | 'object'> & {
  readonly name?: string;
  readonly since: number;
  readonly until: number;
};

function isWanted(event: Described, filter: Filter): boolean {
  const pairs = [
    [filter.cluster, event.cluster],
    [filter.kind, event.kind],
    [filter.namespace, event.namespace],
    [filter.name, event.name],
    [filter.type, event.type],
    [filter.by, event.manager],
  ];
  const recorded = Date.parse(event.recordedAt);
  return (
    pairs.every(([wanted, said]) => wanted === undefined || wanted === said) &&
    recorded >= filter.since &&
    recorded < filter.until
  );
}
