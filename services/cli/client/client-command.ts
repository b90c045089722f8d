// What the commands that ask a fleet have in common: where the fleet is, the form of the output, and gateways by short names.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { gatewaySummary, pageOf } from '#libs/api/models.ts';
import { fail } from '#libs/runtime/errors.ts';
import { findFleet } from './fleet-address.ts';
import { FleetClient } from './fleet-client.ts';
import { resolveGateway } from '../names/gateway-name.ts';
import { type Column, renderTable } from '../views/table.ts';

export interface ClientContext {
  readonly client: FleetClient;
  readonly now: Date;
  /** Prints the value as JSON where `--output json` was given, else the text. */
  readonly print: (value: unknown, text: () => string) => void;
  /** A table as wide as the terminal, or `empty` where there are no rows. */
  readonly table: <Row>(columns: readonly Column<Row>[], rows: readonly Row[], empty: string) => string;
  /** The gateway that a short name means. Throws FleetgateError 'not-found' with near names. */
  readonly gateway: (text: string) => Promise<string>;
}

const flags = z.object({ output: z.enum(['table', 'json']), data: z.string().optional() });

/** Adds the options that every such command has, and the action. `args` are the command's arguments as they were typed. */
export function addClientAction<F extends z.ZodType>(
  command: Command,
  schema: F,
  action: (context: ClientContext, args: readonly (string | undefined)[], flags: z.output<F>) => Promise<void>,
): void {
  command
    .addOption(
      new Option('-o, --output <format>', 'table for people, json for programs')
        .choices(['table', 'json'])
        .default('table'),
    )
    .addOption(new Option('--data <folder>', 'the `up` that holds this data folder').env('FLEETGATE_DATA'))
    .action(async (...given: readonly unknown[]) => {
      // Whoever reads may stop reading: `fleetgate routes | head`.
      process.stdout.on('error', () => process.exit());
      const { output, data } = flags.parse(command.opts());
      const client = new FleetClient(await findFleet(process.env, data));
      const args = given.slice(0, -2).map((arg) => (typeof arg === 'string' ? arg : undefined));
      await action(contextOf(client, output), args, parseFlags(schema, command));
    });
}

/** Every item of a paged list. */
export async function readAll<S extends z.ZodType>(client: FleetClient, path: string, item: S): Promise<z.output<S>[]> {
  const items: z.output<S>[] = [];
  const schema = pageOf(item);
  for (let after: string | null = ''; after !== null;) {
    const separator = path.includes('?') ? '&' : '?';
    const query = after === '' ? '' : `${separator}after=${encodeURIComponent(after)}`;
    const page: z.output<typeof schema> = await client.get(`${path}${query}`, schema);
    items.push(...page.items);
    after = page.next;
  }
  return items;
}

/** The path of a gateway below /api/v1/gateways. */
export function gatewayPath(gateway: string): string {
  return `/api/v1/gateways/${gateway.split('/').map(encodeURIComponent).join('/')}`;
}

function contextOf(client: FleetClient, output: 'table' | 'json'): ClientContext {
  const width = process.stdout.isTTY ? process.stdout.columns : undefined;
  return {
    client,
    now: new Date(),
    print(value, text) {
      process.stdout.write(`${output === 'json' ? JSON.stringify(value, null, 2) : text()}\n`);
    },
    table: (columns, rows, empty) =>
      rows.length === 0 ? empty : renderTable(columns, rows, width === undefined ? {} : { width }),
    gateway: (text) => findGateway(client, text),
  };
}

/** The gateway that a short name means. Throws FleetgateError 'not-found' with near names. */
export async function findGateway(client: FleetClient, text: string): Promise<string> {
  const gateways = await readAll(client, '/api/v1/gateways', gatewaySummary);
  const choice = resolveGateway(
    text,
    gateways.map(({ gateway }) => gateway),
  );
  if ('found' in choice) return choice.found;
  if ('ambiguous' in choice) {
    throw fail('not-found', `"${text}" means several gateways: ${choice.ambiguous.join(', ')}`, {
      hint: 'Give the whole name: cluster/namespace/name.',
    });
  }
  throw fail('not-found', `no gateway is called "${text}"`, {
    hint:
      choice.near.length > 0
        ? `Did you mean ${choice.near.join(' or ')}?`
        : 'Names are cluster/namespace/name; `fleetgate gateways` lists what there is.',
  });
}

function parseFlags<F extends z.ZodType>(schema: F, command: Command): z.output<F> {
  const result = schema.safeParse(command.opts());
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
  throw fail('config', mistakes.join('; '));
}
