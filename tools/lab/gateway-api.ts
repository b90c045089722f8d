// Lists the versions of the Gateway API that the lab has the CRDs and the official suite of, and reads from a command
// line which of them a cluster gets.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabPaths } from './paths.ts';

/** Newest first; each has a Go module for its suite in `tools/conformance`. */
export const gatewayApiVersions = ['v1.7.0', 'v1.6.3'] as const;
export type GatewayApiVersion = (typeof gatewayApiVersions)[number];

const channels = ['experimental', 'standard'] as const;

/** Names the CRDs of a cluster. */
export interface GatewayApi {
  readonly version: GatewayApiVersion;
  readonly channel: (typeof channels)[number];
}

/** Gives the folder of a Go module of that version: of the API, or of its suite. The lab must be built. */
export function moduleFolder(paths: LabPaths, version: GatewayApiVersion, module: 'api' | 'suite'): string {
  return readFileSync(moduleRecord(paths, version, module), 'utf8').trim();
}

/** The file that remembers where a module's folder is. */
export function moduleRecord(paths: LabPaths, version: GatewayApiVersion, module: 'api' | 'suite'): string {
  return join(paths.bin, `gateway-${module}-${version}.dir`);
}

/**
 * Takes `--gateway-api VERSION,…` and `--channel CHANNEL,…` out of arguments: one for each cluster, the last also for
 * those that follow; v1.7.0 and experimental when absent. Throws RangeError with what there is.
 */
export function takeGatewayApi(args: readonly string[]): {
  readonly rest: readonly string[];
  readonly isGiven: boolean;
  readonly of: (cluster: number) => GatewayApi;
} {
  const versions = takeList(args, '--gateway-api');
  const wanted = takeList(versions.rest, '--channel');
  const known = versions.values.map((value) => oneOf(gatewayApiVersions, value, '--gateway-api'));
  const knownChannels = wanted.values.map((value) => oneOf(channels, value, '--channel'));
  return {
    rest: wanted.rest,
    isGiven: known.length > 0,
    of: (cluster) => ({
      version: known[cluster] ?? known.at(-1) ?? gatewayApiVersions[0],
      channel: knownChannels[cluster] ?? knownChannels.at(-1) ?? channels[0],
    }),
  };
}

/** Writes what `takeGatewayApi` reads. */
export function gatewayApiFlags(apis: readonly GatewayApi[]): readonly string[] {
  if (apis.length === 0) return [];
  const list = (of: (api: GatewayApi) => string): string => apis.map(of).join(',');
  return ['--gateway-api', list(({ version }) => version), '--channel', list(({ channel }) => channel)];
}

function takeList(
  args: readonly string[],
  name: string,
): { readonly values: readonly string[]; readonly rest: readonly string[] } {
  const at = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  const flag = args[at];
  if (flag === undefined) return { values: [], rest: args };
  const isJoined = flag !== name;
  const text = isJoined ? flag.slice(name.length + 1) : (args[at + 1] ?? '');
  return { values: text.split(','), rest: args.toSpliced(at, isJoined ? 1 : 2) };
}

function oneOf<T extends string>(known: readonly T[], value: string, flag: string): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new RangeError(`${flag}: there is no ${value}; there are ${known.join(', ')}`);
  return found;
}
