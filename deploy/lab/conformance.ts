// npm run lab -- conformance CLUSTER CLASS REPORT [suite flags…]: the official Gateway API suite, in a lab that is up.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { inLab, type LabPaths } from './paths.ts';

/** Runs the suite to its end in the foreground; returns its exit code. The report is the suite's own ConformanceReport. */
export function runConformance(
  paths: LabPaths,
  cluster: string,
  className: string,
  report: string,
  flags: readonly string[],
): number {
  const usable = `10.${64 + Number(cluster.slice(1))}.254.200`;
  const [command = '', ...args] = inLab(paths, [
    join(paths.bin, 'conformance.test'),
    ...['-test.run', 'TestConformance', '-test.v', '-test.timeout', '60m'],
    ...[`-gateway-class=${className}`, `-usable-address=${usable}`, '-unusable-address=192.0.2.1'],
    ...[`-report-output=${resolve(report)}`, '-organization=fleetgate', '-project=fleetgate', '-version=dev'],
    ...['-url=https://fleetgate.dev', '-contact=@fleetgate', ...flags],
  ]);
  const { status } = spawnSync(command, args, {
    cwd: readFileSync(join(paths.bin, 'conformance.dir'), 'utf8').trim(),
    env: { ...process.env, KUBECONFIG: join(paths.dir, cluster, 'kubeconfig') },
    stdio: 'inherit',
  });
  return status ?? 1;
}
