// Fleetgate installed by its own commands in a fresh lab, the official suite against it, and what came of it.
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { runSuite } from './conformance.ts';
import { type FleetRecord, LabClient, until } from '../lab-client.ts';
import type { LabPaths } from '../paths.ts';

const cluster = 'c0';
const className = 'fleetgate';
const reportFile = join(import.meta.dirname, 'conformance-report.yaml');

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
  succeededProvisionalTests: z.array(z.string()).default([]),
  profiles: z.array(z.object({ name: z.string(), core: part, extended: part.optional() })),
});

type ConformanceReport = z.infer<typeof conformanceReport>;

export function readReport(path: string): ConformanceReport {
  return conformanceReport.parse(parse(readFileSync(path, 'utf8')));
}

/** Installs Fleetgate with data planes of its own in a lab that is up, as a user would. */
export async function installFleetgate(lab: LabClient, fleet: FleetRecord): Promise<void> {
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

/**
 * The whole, from nothing to the report; returns the exit code. What the suite said is in `conformance.log` of the
 * lab's folder.
 */
export async function conform(
  paths: LabPaths,
  { report = reportFile, after }: { readonly report?: string; readonly after?: (lab: LabClient) => Promise<void> } = {},
): Promise<number> {
  const lab = new LabClient(paths);
  try {
    await lab.up(1);
    const fleet = await lab.startFleet('without a node');
    await installFleetgate(lab, fleet);
    const startedAt = performance.now();
    mkdirSync(paths.dir, { recursive: true });
    const log = openSync(join(paths.dir, 'conformance.log'), 'w');
    const code = runSuite(paths, { cluster, className, report, flags: [], stdio: log });
    closeSync(log);
    await after?.(lab);
    for (const text of summarise(readReport(report))) console.log(text);
    console.log(`the suite ran ${((performance.now() - startedAt) / 60_000).toFixed(1)} minutes; report: ${report}`);
    return code;
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
