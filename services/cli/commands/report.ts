// Runs `fleetgate report`: tells an auditor of each change of a time who asked for it, who made it and why, what it
// changed, which nodes applied it when, and what took it back; all of them, or a random sample that can be drawn again.
import { once } from 'node:events';
import { type Command, Option } from 'commander';
import { z } from 'zod';
import packageFile from '../../../package.json' with { type: 'json' };
import { fail } from '#libs/runtime/errors.ts';
import { readTime } from '../names/typed-time.ts';
import { changePages, readSample } from '../report/change-reads.ts';
import type { ReportHead } from '../report/report-html.ts';
import { reportForms, writeReport } from '../report/write-report.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addClusterOption } from '../shell/options.ts';

const flags = z.object({
  since: z.string(),
  until: z.string().optional(),
  cluster: z.string().optional(),
  namespace: z.string().optional(),
  gateway: z.string().optional(),
  format: z.enum(reportForms),
  sample: z.coerce.number().int().min(1).max(1000).optional(),
  seed: z.string().min(1).max(200).optional(),
});

type Flags = z.output<typeof flags>;

/** Adds options and action. */
export function configureReport(command: Command): void {
  addClusterOption(command)
    .requiredOption('--since <time>', 'recorded since then: 2026-01-31T09:30:00Z, or how long ago: 15m, 2h, 30d')
    .option('--until <time>', 'recorded before then (default: now)')
    .option('--namespace <name>', 'only of objects of this namespace')
    .option('--gateway <gateway>', 'only of this gateway and of what named it as its parent')
    .addOption(new Option('--format <form>', 'html is one file to read and print').choices(reportForms).default('html'))
    .option('--sample <n>', 'only so many of the changes, at random')
    .option('--seed <text>', 'draws the sample: the same changes for the same seed and time');
  addClientAction(command, flags, async ({ client, gateway }, _args, given) => {
    const now = new Date();
    const since = readTime('--since', given.since, now).toISOString();
    const until = (given.until === undefined ? now : readTime('--until', given.until, now)).toISOString();
    const { cluster, namespace, format, sample, seed } = given;
    refuseHalfSample(given);
    const head = headOf(given, since, until, now);
    const query = {
      since,
      until,
      cluster,
      namespace,
      gateway: given.gateway === undefined ? undefined : await gateway(given.gateway),
    };
    const pages =
      sample === undefined || seed === undefined
        ? changePages(client, query, '0')
        : onePage(() => readSample(client, { since, until }, { size: sample, seed }));
    await writeReport(format, head, pages, write);
  });
}

function refuseHalfSample({ sample, seed, cluster, namespace, gateway }: Flags): void {
  if ((sample === undefined) !== (seed === undefined)) throw fail('config', '--sample and --seed go together');
  if (sample !== undefined && (cluster ?? namespace ?? gateway) !== undefined)
    throw fail('config', 'a sample is of all changes of a time: leave out --cluster, --namespace and --gateway');
}

function headOf(
  { cluster, namespace, gateway, sample, seed }: Flags,
  since: string,
  until: string,
  now: Date,
): ReportHead {
  const scope = Object.entries({ cluster, namespace, gateway }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} ${value}`],
  );
  const drawn =
    sample === undefined ? [] : [`A random sample of at most ${sample} changes, drawn by the seed "${seed}".`];
  return {
    title: 'Changes of the fleet',
    facts: [
      `Recorded from ${since} until before ${until}${scope.length === 0 ? '' : `; only of ${scope.join(', ')}`}.`,
      ...drawn,
      `Made at ${now.toISOString()} by fleetgate ${packageFile.version}.`,
      '"claimed" is the time that the cluster names, "author" the field manager that the client chose. ' +
        'Nodes are counted as control heard of them.',
    ],
  };
}

async function* onePage<T>(read: () => Promise<T>): AsyncGenerator<T> {
  yield await read();
}

/** Waits where the reader is slower. */
async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain');
}
