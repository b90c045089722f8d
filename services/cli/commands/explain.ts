// Runs `fleetgate explain METHOD URL`: says which rule answers a request, what it does with it, and why the others do
// not. It asks a running fleet, now or in the past, or reads a folder of manifests without any fleet.
import type { Command } from 'commander';
import { z } from 'zod';
import { fail, FleetgateError } from '#libs/runtime/errors.ts';
import { findFleet } from '../client/fleet-address.ts';
import { FleetClient } from '../client/fleet-client.ts';
import { findGateway } from '../client/gateway-by-name.ts';
import { findPlace, placeForm } from '../past/place-by-name.ts';
import { explain } from '../explain/explanation.ts';
import { explanationText } from '../explain/explanation-text.ts';
import { readAges, readFleetGround } from '../explain/fleet-ground.ts';
import type { Ground } from '../explain/ground.ts';
import { readManifestsGround } from '../explain/manifests-ground.ts';
import { readTyped } from '../explain/typed-request.ts';
import { exitCodes } from '../shell/exit-code.ts';
import { addFleetOptions, fleetFlags, gatewayForm, parseFlags } from '../shell/options.ts';
import { currentLook, printAnswer } from '../shell/output-format.ts';

/** The flags that say what is asked, and of which gateways. */
export const requestFlags = fleetFlags.extend({
  header: z.array(z.string()).default([]),
  gateway: z.string().optional(),
  node: z.string().optional(),
  sni: z.string().optional(),
  clientCertificate: z.enum(['trusted', 'untrusted']).optional(),
  port: z.coerce.number<string>().int().min(1).max(65_535).optional(),
  http2: z.boolean().default(false),
  all: z.boolean().default(false),
});
const flags = requestFlags.extend({
  at: z.string().optional(),
  version: z.coerce.number<string>().int().min(1).max(2_147_483_647).optional(),
  manifests: z.string().optional(),
  cluster: z.string().default('local'),
  strict: z.boolean().default(false),
});

type Flags = z.output<typeof flags>;

const examples = `
Examples:
  fleetgate explain GET http://shop.example/cart
  fleetgate explain POST https://shop.example/cart -H 'x-canary: yes' --at 2026-01-31T09:30:00Z
  fleetgate explain GET http://shop.example/cart --gateway eu/platform/shared --version 12
  fleetgate explain GET http://shop.example/cart --manifests ./eu --cluster eu
  fleetgate explain GET https://shop.example/cart --client-certificate trusted
  fleetgate explain tls://db.example:5432

The port of the URL is the listener's (80 and 443 where the URL has none), without a node's port offset.
Exit code 0: a rule answers (also with a redirect, or an error that the rule means). 1: none does.
2: a manifest is not what an API server takes (with --manifests).`;

/** Adds the options that say what is asked, and of which gateways. */
export function addRequestOptions(command: Command): Command {
  return command
    .option('-H, --header <header>', "a header of the request, 'name: value'; may be repeated", collect)
    .option('--http2', 'the request comes by HTTP/2')
    .option('--sni <name>', 'the server name of the TLS handshake (default: the host of the URL; empty: none)')
    .option('--client-certificate <which>', 'the client shows one that the listener trusts, or not: trusted, untrusted')
    .option('--port <number>', 'port of the listener (default: that of the URL)')
    .option('--gateway <gateway>', `only by this gateway: ${gatewayForm}`)
    .option('--node <name>', 'by the gateways that this node serves')
    .option('--all', 'list every rule that does not answer');
}

/** Adds arguments, options and action. */
export function configureExplain(command: Command): void {
  command
    .usage('[options] [METHOD] URL')
    .argument('<method>', 'GET, POST, …; may be left out: GET')
    .argument('[url]', 'http://host/path, https://host/path; tls://host, tcp://:port, udp://:port for what is no HTTP');
  addRequestOptions(command)
    .option('--at <time>', `by what was served then: ${placeForm}`)
    .option('--version <number>', 'by this version of --gateway')
    .option('--manifests <folder>', 'by the manifests in a folder, without a fleet')
    .option('--cluster <name>', 'the cluster that the manifests are of', 'local')
    .option('--strict', 'with --manifests: assume no Secret that the folder does not hold');
  addFleetOptions(command)
    .addHelpText('after', examples)
    .action(async (first: string, second: string | undefined) => {
      const given = parseFlags(flags, command);
      await tellExplanation([first, second], given, () => readGround(given));
    });
}

/** Explains `[METHOD] URL` on a ground that is read once the words are understood, and prints the explanation. */
export async function tellExplanation(
  [first = '', second]: readonly (string | undefined)[],
  given: z.output<typeof requestFlags>,
  readIt: () => Promise<Ground>,
): Promise<void> {
  const [method, url] = second === undefined ? [undefined, first] : [first, second];
  const typed = readTyped({
    method,
    url,
    headers: given.header,
    serverName: given.sni,
    certificate: given.clientCertificate,
    port: given.port,
  });
  if ('problem' in typed) throw fail('config', typed.problem);
  const ground = await readIt();
  const asked =
    typed.type === 'http' && given.http2 ? ({ ...typed, request: { ...typed.request, version: '2' } } as const) : typed;
  const explained = explain(ground, asked);
  const title = typed.type === 'http' ? `${typed.request.method} ${url}` : url;
  const { width } = currentLook();
  printAnswer(given.output, explained, () =>
    explanationText(explained, { title, all: given.all, endpoints: ground.endpoints, width }),
  );
  if (explained.refused.length > 0) process.exitCode = exitCodes.usage.code;
  else if (!explained.answered) process.exitCode = exitCodes.failed.code;
}

async function readGround(given: Flags): Promise<Ground> {
  const { manifests, gateway, node, at, version } = given;
  if (manifests !== undefined) {
    if (node !== undefined || at !== undefined || version !== undefined)
      throw fail('config', '--manifests has no nodes and no past', { hint: 'Leave out --node, --at and --version.' });
    const createdAt = await readAgesAtHand(given);
    return readManifestsGround(manifests, given.cluster, { gateway, createdAt, strict: given.strict });
  }
  if (given.strict) throw fail('config', '--strict needs --manifests');
  if (version !== undefined && gateway === undefined) throw fail('config', '--version needs --gateway');
  if (version !== undefined && at !== undefined) throw fail('config', '--at and --version exclude each other');
  const client = new FleetClient(await findFleet(process.env, given.data));
  return readFleetGround(client, {
    ...(gateway === undefined
      ? {}
      : { gateway: await findGateway(client, gateway, at === undefined ? 'now' : 'ever') }),
    ...(node === undefined ? {} : { node }),
    ...(version === undefined ? {} : { version }),
    ...(at === undefined ? {} : { at: await findPlace(client, '--at', at) }),
  });
}

/** Reads ages from the fleet that is at hand. Manifests are explained without one, too, and then nothing is known. */
async function readAgesAtHand({ cluster, data }: Flags): Promise<ReadonlyMap<string, string>> {
  try {
    return await readAges(new FleetClient(await findFleet(process.env, data)), cluster);
  } catch (error) {
    if (error instanceof FleetgateError) return new Map();
    throw error;
  }
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
