// The official Gateway API suite, in a lab that is up: all five profiles of gateways, and every feature that Fleetgate
// claims.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import packageFile from '../../../package.json' with { type: 'json' };
import { suiteBinary } from '../binaries.ts';
import { type GatewayApiVersion, moduleFolder } from '../gateway-api.ts';
import { inLab, type LabPaths } from '../paths.ts';

export const profiles = ['GATEWAY-HTTP', 'GATEWAY-GRPC', 'GATEWAY-TLS', 'GATEWAY-TCP', 'GATEWAY-UDP'] as const;

/** The features that are tested: what GatewayClass.status.supportedFeatures says, too, with that version's CRDs. */
export function claimedFeatures(version: GatewayApiVersion): readonly string[] {
  return readFileSync(join(import.meta.dirname, 'features', `${version}.txt`), 'utf8')
    .trim()
    .split('\n');
}

interface SuiteRun {
  readonly version: GatewayApiVersion;
  readonly cluster: string;
  readonly className: string;
  /** Where the suite writes its ConformanceReport. */
  readonly report: string;
  /** More flags of the suite; the last of a name counts. */
  readonly flags: readonly string[];
  readonly stdio: 'inherit' | number;
}

/** Runs the suite to its end; resolves to its exit code. */
export async function runSuite(paths: LabPaths, run: SuiteRun): Promise<number> {
  const { version, cluster, className, report, flags, stdio } = run;
  const usable = `10.${64 + Number(cluster.slice(1))}.254.200`;
  const [command = '', ...args] = inLab(paths, [
    suiteBinary(paths, version),
    ...['-test.run', 'TestConformance', '-test.v', '-test.timeout', '60m'],
    ...[`-gateway-class=${className}`, `-usable-address=${usable}`, '-unusable-address=192.0.2.1'],
    ...[`-conformance-profiles=${profiles.join(',')}`, `-supported-features=${claimedFeatures(version).join(',')}`],
    ...[`-report-output=${resolve(report)}`, '-organization=fleetgate', '-project=fleetgate'],
    ...[`-version=v${packageFile.version}`, '-url=https://fleetgate.dev', '-contact=https://fleetgate.dev/contact'],
    ...flags,
  ]);
  const child = spawn(command, args, {
    cwd: moduleFolder(paths, version, 'suite'),
    env: { ...process.env, KUBECONFIG: join(paths.dir, cluster, 'kubeconfig') },
    stdio: ['ignore', stdio, stdio],
  });
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('exit', (status) => done(status ?? 1));
  });
}
