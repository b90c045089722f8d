// Runs `fleetgate watch`: tells what happens in the fleet as it happens, a line each: events, the versions that they
// led to, when all nodes had applied those or why not, and alarms.
import { type Command, Option } from 'commander';
import { eventTypes } from '#libs/api/parameters.ts';
import { readNewestEvents } from '../client/event-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addClusterOption, fleetFlags } from '../shell/options.ts';
import { watch } from '../watch/watch.ts';
import { watchedJson, watchedLine } from '../watch/watched.ts';
import { eventFlags, gatewayOf, toQuery } from './events.ts';

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
  addClusterOption(command)
    .option('--namespace <name>', 'only of objects of this namespace')
    .option('--kind <kind>', 'only of this kind: HTTPRoute, httproutes, Node, Token')
    .option('--object <object>', 'only of this object: cluster/Kind/namespace/name')
    .option('--host <host>', 'only of what named this host then, or a wildcard over it; also *.example.com')
    .option('--path <path>', 'only of routes with a rule that could take this path then')
    .option('--gateway <gateway>', 'only of this Gateway, commands for it, and what it was the parent of then')
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
