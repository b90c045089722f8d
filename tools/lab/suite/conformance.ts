// The official Gateway API suite, in a lab that is up: all five profiles of gateways, and every feature that Fleetgate
// claims.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import packageFile from '../../../package.json' with { type: 'json' };
import { inLab, type LabPaths } from '../paths.ts';

export const profiles = ['GATEWAY-HTTP', 'GATEWAY-GRPC', 'GATEWAY-TLS', 'GATEWAY-TCP', 'GATEWAY-UDP'] as const;

/** The features that are tested: what GatewayClass.status.supportedFeatures says, too. */
export function claimedFeatures(): readonly string[] {
  return readFileSync(join(import.meta.dirname, 'features.txt'), 'utf8')
    .trim()
    .split(',');
}

interface SuiteRun {
  readonly cluster: string;
  readonly className: string;
  /** Where the suite writes its ConformanceReport. */
  readonly report: string;
  /** More flags of the suite; the last of a name counts. */
  readonly flags: readonly string[];
  readonly stdio: 'inherit' | number;
}

/** Runs the suite to its end; returns its exit code. */
export function runSuite(paths: LabPaths, { cluster, className, report, flags, stdio }: SuiteRun): number {
  const usable = `10.${64 + Number(cluster.slice(1))}.254.200`;
  const [command = '', ...args] = inLab(paths, [
    join(paths.bin, 'conformance.test'),
    ...['-test.run', 'TestConformance', '-test.v', '-test.timeout', '60m'],
    ...[`-gateway-class=${className}`, `-usable-address=${usable}`, '-unusable-address=192.0.2.1'],
    ...[`-conformance-profiles=${profiles.join(',')}`, `-supported-features=${claimedFeatures().join(',')}`],
    ...[`-report-output=${resolve(report)}`, '-organization=fleetgate', '-project=fleetgate'],
    ...[`-version=v${packageFile.version}`, '-url=https://fleetgate.dev', '-contact=https://fleetgate.dev/contact'],
    ...flags,
  ]);
  const { status } = spawnSync(command, args, {
    cwd: readFileSync(join(paths.bin, 'conformance.dir'), 'utf8').trim(),
    env: { ...process.env, KUBECONFIG: join(paths.dir, cluster, 'kubeconfig') },
    stdio: ['ignore', stdio, stdio],
  });
  return status ?? 1;
}
