// The official Gateway API suites pass, whole, on Fleetgate as a user installs it: each version's in a cluster with its
// CRDs, both clusters in one fleet; and they are tested for what the GatewayClass of that cluster claims.
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { conform, leftOutTests, readReport } from './conform.ts';
import { claimedFeatures, profiles } from './conformance.ts';
import { gatewayApiVersions } from '../gateway-api.ts';
import { labPaths } from '../paths.ts';

t.setTimeout(5_400_000);
const paths = labPaths();
const reportOf = (version: string): string => join(paths.dir, `conformance-report-${version}.yaml`);
const gatewayClass = z.object({ status: z.object({ supportedFeatures: z.array(z.object({ name: z.string() })) }) });
const claimed = new Map<string, readonly string[]>();
const code = await conform(paths, {
  versions: gatewayApiVersions,
  reportOf,
  after: async (lab, version, cluster) => {
    const json = await lab.kubectl(cluster, ['get', 'gatewayclass', 'fleetgate', '-o', 'json']);
    const { status } = gatewayClass.parse(JSON.parse(json));
    claimed.set(
      version,
      status.supportedFeatures.map(({ name }) => name),
    );
  },
});

t.equal(code, 0, 'the suites end well');
for (const version of gatewayApiVersions) {
  const report = readReport(reportOf(version));
  t.equal(report.gatewayAPIVersion, version);
  t.same(report.profiles.map(({ name }) => name).toSorted(), profiles.toSorted());
  for (const { name, core, extended } of report.profiles) {
    for (const part of [core, ...(extended === undefined ? [] : [extended])]) {
      t.equal(part.result, 'success', `${version} ${name}`);
      t.same(part.failedTests, [], `${version} ${name}: nothing failed`);
      t.same(part.skippedTests, [], `${version} ${name}: nothing was skipped`);
    }
  }
  const leftOut = leftOutTests(paths, version);
  t.ok(leftOut.length > 0, `${version}: tests of the mesh profiles are left out`);
  t.same(
    leftOut.filter((name) => !name.startsWith('Mesh')),
    [],
    `${version}: and no others`,
  );
  t.same(
    claimed.get(version)?.toSorted(),
    claimedFeatures(version).toSorted(),
    `${version}: what is claimed is tested`,
  );
}
