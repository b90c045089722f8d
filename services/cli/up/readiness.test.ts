import t from 'tap';
import { gateway, overview } from '../testing/small-fleet.ts';
import { whatIsMissing } from './readiness.ts';

await t.test('what keeps the fleet from being ready', async (t) => {
  t.same(whatIsMissing(overview, ['eu']), []);
  t.same(whatIsMissing(overview, ['us']), ['cluster us is not read yet']);
  const late = { ...gateway, nodes: { ...gateway.nodes, applied: 1 } };
  t.same(whatIsMissing({ ...overview, gateways: [late] }, ['eu']), ['eu/platform/shared is not applied by every node']);
  t.same(whatIsMissing({ ...overview, nodes: [] }, ['eu']), ['no node is connected']);
});
