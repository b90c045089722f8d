// Tests which CRDs the clusters of a lab get by the flags of a command line.
import t from 'tap';
import { gatewayApiFlags, takeGatewayApi } from './gateway-api.ts';

void t.test('without flags every cluster has the newest, experimental', async (t) => {
  const { rest, isGiven, of } = takeGatewayApi(['up', '2']);
  t.same(rest, ['up', '2']);
  t.notOk(isGiven);
  for (const each of [of(0), of(1)]) t.same(each, { version: 'v1.7.0', channel: 'experimental' });
});

void t.test('one for each cluster, the last for those that follow; what is not theirs stays', async (t) => {
  const args = ['up', '3', '--gateway-api=v1.6.3,v1.7.0', '--channel', 'standard', '-run-test=X'];
  const { rest, isGiven, of } = takeGatewayApi(args);
  t.same(rest, ['up', '3', '-run-test=X']);
  t.ok(isGiven);
  t.same([of(0).version, of(1).version, of(2).version], ['v1.6.3', 'v1.7.0', 'v1.7.0']);
  t.equal(of(2).channel, 'standard');
});

void t.test('what is written is read again', async (t) => {
  const apis = [
    { version: 'v1.6.3', channel: 'standard' },
    { version: 'v1.7.0', channel: 'experimental' },
  ] as const;
  const { of } = takeGatewayApi(gatewayApiFlags(apis));
  t.same([of(0), of(1)], apis);
  t.same(gatewayApiFlags([]), []);
});

void t.test('a version or channel that is not there is named, with those that are', async (t) => {
  t.throws(() => takeGatewayApi(['--gateway-api', 'v1.5.0']), /there is no v1\.5\.0; there are v1\.7\.0, v1\.6\.3/);
  t.throws(() => takeGatewayApi(['--channel']), /--channel: there is no /);
});
