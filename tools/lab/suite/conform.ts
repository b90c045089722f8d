// Installs Fleetgate by its own commands in a fresh lab, runs the official suites against it, and says what came of
// them: a cluster for each version, with that version's CRDs, all in one fleet.
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { runSuite } from './conformance.ts';
import type { GatewayApiVersion } from '../gateway-api.ts';
import { type FleetRecord, LabClient, until } from '../lab-client.ts';
import type { LabPaths } from '../paths.ts';

const className = 'fleetgate';

/**
 * A test of the suite deletes all routes of its Gateway in a row, five rules of four routes, which on a busy machine is
 * one change: with the limit that Fleetgate has without an option it waits for somebody to accept it.
 */
const suiteLimits = ['--removed-share-max', '1'];

const statistics = z.object({ Passed: z.number(), Skipped: z.number(), Failed: z.number() }).partial();
const part = z.object({
  result: z.string(),
  statistics: statistics.default({}),
  failedTests: z.array(z.string()).default([]),
  skippedTests: z.array(z.string()).default([]),
  supportedFeatures: z.array(z.string()).default([]),
  unsupportedFeatures: z.array(z.string()).default([]),
});
const conformanceReport = z.object({
  gatewayAPIVersion: z.string(),
  succeededProvisionalTests: z.array(z.string()).default([]),
  profiles: z.array(z.object({ name: z.string(), core: part, extended: part.optional() })),
});

type ConformanceReport = z.infer<typeof conformanceReport>;

export function readReport(path: string): ConformanceReport {
  return conformanceReport.parse(parse(readFileSync(path, 'utf8')));
}

/** Where the report of a suite is kept. */
function keptReport(version: GatewayApiVersion): string {
  return join(import.meta.dirname, 'reports', `${version}.yaml`);
}

function logFile(paths: LabPaths, version: GatewayApiVersion): string {
  return join(paths.dir, `conformance-${version}.log`);
}

/** Names the tests that a suite left out: the report tells only of those that it would have run. */
export function leftOutTests(paths: LabPaths, version: GatewayApiVersion): readonly string[] {
  const log = readFileSync(logFile(paths, version), 'utf8');
  return [...log.matchAll(/^ {4}--- SKIP: TestConformance\/(\w+) /gm)].map(([, name = '']) => name);
}

/** Installs Fleetgate with data planes of its own in a cluster of a lab that is up, as a user would. */
export async function installFleetgate(lab: LabClient, fleet: FleetRecord, cluster: string): Promise<void> {
  const client = { FLEETGATE_URL: fleet.url, FLEETGATE_TOKEN: fleet.token };
  const create = ['token', 'create', '--name', `agent ${cluster}`, '--role', 'provisioner', '--output', 'json'];
  // The fleet is started, and not all of it answers yet.
  const made = await until('a token', () => lab.fleetgate(create, client).catch(() => undefined));
  const { token } = z.object({ token: z.string() }).parse(JSON.parse(made));
  await lab.fleetgate(
    [
      ...['agent', 'install', '--kubeconfig', lab.kubeconfig(cluster), '--context', cluster, '--cluster', cluster],
      ...['--image', 'fleetgate', '--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey],
      ...['--provision', '--control-url', fleet.url, '--provisioner-token', token],
    ],
    {},
  );
}

interface ConformOptions {
  readonly versions: readonly GatewayApiVersion[];
  readonly reportOf?: (version: GatewayApiVersion) => string;
  /** Called after each suite, while its cluster is there. */
  readonly after?: (lab: LabClient, version: GatewayApiVersion, cluster: string) => Promise<void>;
}

/**
 * The whole, from nothing to the reports; returns the worst exit code. What a suite said is in
 * `conformance-VERSION.log` of the lab's folder.
 */
export async function conform(paths: LabPaths, options: ConformOptions): Promise<number> {
  const { versions, reportOf = keptReport, after } = options;
  const lab = new LabClient(paths);
  try {
    await lab.up(
      versions.length,
      versions.map((version) => ({ version, channel: 'experimental' })),
      { FLEETGATE_LAB_BUNDLES: versions.map((_, index) => index).join(',') },
    );
    const fleet = await lab.startFleet('without a node', suiteLimits);
    const codes = await Promise.all(
      versions.map(async (version, index) => {
        const cluster = `c${index}`;
        await installFleetgate(lab, fleet, cluster);
        const startedAt = performance.now();
        const report = reportOf(version);
        const log = openSync(logFile(paths, version), 'w');
        const code = await runSuite(paths, { version, cluster, className, report, flags: [], stdio: log });
        closeSync(log);
        await after?.(lab, version, cluster);
        for (const text of summarise(readReport(report))) console.log(`${version} ${text}`);
        const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
        console.log(`the suite of ${version} ran ${minutes} minutes; report: ${report}`);
        return code;
      }),
    );
    return Math.max(...codes);
  } finally {
    await lab.down();
  }
}

/** A line for each part of each profile, and one for each test that did not pass. */
function summarise({ profiles }: ConformanceReport): readonly string[] {
  return profiles.flatMap(({ name, core, extended }) => [
    line(`${name} core`, core),
    ...(extended === undefined ? [] : [line(`${name} extended`, extended)]),
    ...[core, extended].flatMap((each) => each?.failedTests ?? []).map((test) => `  failed  ${test}`),
    ...[core, extended].flatMap((each) => each?.skippedTests ?? []).map((test) => `  skipped ${test}`),
  ]);
}

function line(
  name: string,
  { result, statistics: { Passed = 0, Failed = 0, Skipped = 0 } }: z.infer<typeof part>,
): string {
  return `${name.padEnd(24)} ${result.padEnd(8)} ${Passed} passed, ${Failed} failed, ${Skipped} skipped`;
}
