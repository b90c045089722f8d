// Runs `fleetgate events`: asks the history of the whole fleet what happened, deleted objects and operators' own deeds
// included; as a table, as JSON, or as a line for each event for other tools; and goes on as more happens.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import packageFile from '../../../package.json' with { type: 'json' };
import { eventTypes, otherKinds } from '#libs/api/parameters.ts';
import { fail } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';
import { type EventQuery, eventPagesAfter, readNewestEvents } from '../client/event-reads.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { parseKind, readObjectName } from '../names/object-name.ts';
import { readTime } from '../names/typed-time.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addClusterOption } from '../shell/options.ts';
import { type EventForm, eventForms, eventLine, headerLines } from '../views/event-lines.ts';
import { eventTable } from '../views/event-table.ts';

/** The flags that say which events are meant, and how they are written. */
export const eventFlags = z.object({
  cluster: z.string().optional(),
  namespace: z.string().optional(),
  kind: z.string().optional(),
  object: z.string().optional(),
  host: z.string().optional(),
  path: z.string().optional(),
  gateway: z.string().optional(),
  by: z.string().optional(),
  tool: z.string().optional(),
  what: z.enum(eventTypes).optional(),
  since: z.string().optional(),
  until: z.string().optional(),
  limit: z.coerce.number().int().min(0).optional(),
  format: z.enum(eventForms).optional(),
  bodies: z.boolean().optional(),
  follow: z.boolean().optional(),
});

type Flags = z.output<typeof eventFlags>;

const limitDefault = 50;
const followedDefault = 10;
/** How soon what is new is looked for. */
const followEveryMs = 500;

/** Adds options and action. */
export function configureEvents(command: Command): void {
  addPlaceOptions(command)
    .option('--by <who>', 'only what this user asked for, or may have; by this field manager or token')
    .option('--tool <name>', 'only with this program, by its user agent, or by the claim of argocd, flux or helm')
    .addOption(new Option('--what <type>', 'only this').choices(eventTypes))
    .option('--since <time>', 'recorded since then: 2026-01-31T09:30:00Z, or how long ago: 15m, 2h, 3d')
    .option('--until <time>', 'recorded before then')
    .option('--limit <n>', `how many of the newest; 0 = all (default: ${limitDefault}, with --follow 10)`)
    .addOption(new Option('--format <form>', 'a line for each event, the oldest first').choices(eventForms))
    .option('--bodies', 'with the object before and after, in jsonl, csv, cef and --output json')
    .option('-f, --follow', 'go on with what happens, until Ctrl-C');
  addClientAction(command, eventFlags, async ({ client, print, gateway }, _args, flags) => {
    const given = flags.gateway === undefined ? flags : { ...flags, gateway: await gatewayOf(flags.gateway, gateway) };
    const query = toQuery(given);
    const isFollowed = given.follow === true;
    const limit = given.limit ?? (isFollowed ? followedDefault : limitDefault);
    if (given.format === undefined && !isFollowed) {
      const events = await readNewestEvents(client, query, limit);
      print(events, (look) => eventTable(events, look));
      return;
    }
    const form = given.format ?? 'text';
    for (const line of headerLines(form, { bodies: given.bodies === true })) writeLine(line);
    let last = limit === 0 ? '0' : await writeNewest(client, query, limit, form);
    last = await writeAfter(client, query, last, form);
    while (isFollowed) {
      await pause(followEveryMs);
      // What was looked through is not looked through again, though nothing of it was meant.
      const [newest] = await readNewestEvents(client, {}, 1);
      const seen = await writeAfter(client, query, last, form);
      last = newest !== undefined && BigInt(newest.seq) > BigInt(seen) ? newest.seq : seen;
    }
  });
}

/** Adds the options that say what events are about. */
export function addPlaceOptions(command: Command): Command {
  return addClusterOption(command)
    .option('--namespace <name>', 'only of objects of this namespace')
    .option('--kind <kind>', 'only of this kind: HTTPRoute, httproutes, Node, Token')
    .option('--object <object>', 'only of this object: cluster/Kind/namespace/name')
    .option('--host <host>', 'only of what named this host then, or a wildcard over it; also *.example.com')
    .option('--path <path>', 'only of routes with a rule that could take this path then')
    .option('--gateway <gateway>', 'only of this Gateway, commands for it, and what it was the parent of then');
}

/** Makes a query of flags. Throws FleetgateError 'config'. */
export function toQuery(flags: Flags): EventQuery {
  const { cluster, namespace, kind, object, host, path, gateway, by, tool, what, since, until, bodies } = flags;
  const now = new Date();
  return {
    cluster,
    namespace,
    kind: kind === undefined ? undefined : kindOf(kind),
    ...(object === undefined ? {} : placeOf(object)),
    host,
    path,
    gateway,
    by,
    tool,
    type: what,
    bodies: bodies === true ? 'true' : undefined,
    since: since === undefined ? undefined : readTime('--since', since, now).toISOString(),
    until: until === undefined ? undefined : readTime('--until', until, now).toISOString(),
  };
}

/** A name in full may be that of a Gateway that never served, and is known to the history alone. */
export async function gatewayOf(text: string, find: (text: string) => Promise<string>): Promise<string> {
  return text.split('/').length === 3 && !text.startsWith('gateway/') ? text : find(text);
}

function kindOf(text: string): string {
  const kind = parseKind(text) ?? otherKinds.find((one) => one.toLowerCase() === text.toLowerCase());
  if (kind !== undefined) return kind;
  throw fail('config', `--kind: "${text}" is no kind that the history has`, {
    hint: `Besides the watched kinds of objects there are ${otherKinds.join(', ')}.`,
  });
}

function placeOf(text: string): EventQuery {
  const { cluster, kind, namespace, name } = readObjectName('--object', text);
  return { cluster, kind, namespace: namespace === '' ? undefined : namespace, name };
}

/** Writes the newest events, the oldest of them first; answers where to go on. */
async function writeNewest(client: FleetClient, query: EventQuery, limit: number, form: EventForm): Promise<string> {
  const events = await readNewestEvents(client, query, limit);
  const [newest] = events.length > 0 ? events : await readNewestEvents(client, {}, 1);
  for (const event of events.toReversed()) writeLine(eventLine(form, event, packageFile.version));
  return newest?.seq ?? '0';
}

/** Writes what came after a sequence number; answers where to go on. */
async function writeAfter(client: FleetClient, query: EventQuery, seq: string, form: EventForm): Promise<string> {
  let last = seq;
  for await (const events of eventPagesAfter(client, query, seq)) {
    for (const event of events) writeLine(eventLine(form, event, packageFile.version));
    last = events.at(-1)?.seq ?? last;
  }
  return last;
}

function writeLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
