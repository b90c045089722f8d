// Runs `fleetgate watch`: tells what happens in the fleet as it happens, a line each: events, the versions that they
// led to, when all nodes had applied those or why not, and alarms.
import { type Command, Option } from 'commander';
import { eventTypes } from '#libs/api/parameters.ts';
import { readNewestEvents } from '../client/event-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { fleetFlags } from '../shell/options.ts';
import { watch } from '../watch/watch.ts';
import { watchedJson, watchedLine } from '../watch/watched.ts';
import { addPlaceOptions, eventFlags, gatewayOf, toQuery } from './events.ts';

const flags = eventFlags
  .pick({
    cluster: true,
    namespace: true,
    kind: true,
    object: true,
    host: true,
    path: true,
    gateway: true,
    by: true,
    what: true,
    since: true,
  })
  .extend(fleetFlags.pick({ output: true }).shape);

/** Adds options and action. */
export function configureWatch(command: Command): void {
  addPlaceOptions(command)
    .option('--by <who>', 'only by this field manager or token')
    .addOption(new Option('--what <type>', 'only this').choices(eventTypes))
    .option('--since <time>', 'begin in the past: 2026-01-31T09:30:00Z, or how long ago: 15m, 2h, 3d')
    .addHelpText('after', '\nWith --output json a JSON object for each line. Ctrl-C ends it.');
  addClientAction(command, flags, async ({ client, gateway: find }, _args, given) => {
    const gateway = given.gateway === undefined ? undefined : await gatewayOf(given.gateway, find);
    const query = { ...toQuery({ ...given, gateway }), bodies: undefined, what: 'all' as const };
    const [newest] = await readNewestEvents(client, {}, 1);
    const from = given.since === undefined ? (newest?.seq ?? '0') : '0';
    const abort = new AbortController();
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
    const form = given.output === 'json' ? watchedJson : watchedLine;
    await watch(
      {
        client,
        query,
        tell: (watched) => void process.stdout.write(`${form(watched)}\n`),
        note: (line) => void process.stderr.write(`fleetgate: ${line}\n`),
      },
      from,
      abort.signal,
    );
  });
}
