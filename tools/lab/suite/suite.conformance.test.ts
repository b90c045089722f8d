// The official Gateway API suite passes, whole, on Fleetgate as a user installs it; and it is tested for what the
// GatewayClass claims.
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { conform, readReport } from './conform.ts';
import { claimedFeatures, profiles } from './conformance.ts';
import { labPaths } from '../paths.ts';

t.setTimeout(5_400_000);
const paths = labPaths();
const reportFile = join(paths.dir, 'conformance-report.yaml');
let claimed: readonly string[] = [];
const code = await conform(paths, {
  report: reportFile,
  // Asked while the cluster is there.
  after: async (lab) => {
    const gatewayClass = z.object({ status: z.object({ supportedFeatures: z.array(z.object({ name: z.string() })) }) });
    const json = await lab.kubectl('c0', ['get', 'gatewayclass', 'fleetgate', '-o', 'json']);
    claimed = gatewayClass.parse(JSON.parse(json)).status.supportedFeatures.map(({ name }) => name);
  },
});
const report = readReport(reportFile);

t.equal(code, 0, 'the suite ends well');
t.same(report.profiles.map(({ name }) => name).toSorted(), profiles.toSorted());
for (const { name, core, extended } of report.profiles) {
  for (const part of [core, ...(extended === undefined ? [] : [extended])]) {
    t.equal(part.result, 'success', name);
    t.same(part.failedTests, [], `${name}: nothing failed`);
    t.same(part.skippedTests, [], `${name}: nothing was skipped`);
  }
}
t.same(claimed.toSorted(), claimedFeatures().toSorted(), 'what the class claims is what was tested');
