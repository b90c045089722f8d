import t from 'tap';
import { condition, timed } from '../testing/conditions.ts';
import { mergeStatus } from './merge-status.ts';

const then = '2026-01-01T00:00:00Z';
const now = '2026-06-01T00:00:00Z';

const entry = (name: string, conditions: readonly unknown[]): Readonly<Record<string, unknown>> => ({
  gatewayRef: { namespace: 'infra', name },
  conditions,
});

void t.test(
  'gateways of a route: ours are replaced, those of other controllers stay, ours that are over go',
  async (t) => {
    const live = {
      gateways: [
        entry('theirs', [timed('Admitted', 'True', then)]),
        entry('ours', [timed('Admitted', 'True', then), timed('fleetgate.dev/ResolvedRefs', 'True', then)]),
        entry('over', [timed('Admitted', 'True', then), timed('fleetgate.dev/ResolvedRefs', 'True', then)]),
      ],
    };
    const own = [condition('Admitted', 'False'), condition('fleetgate.dev/ResolvedRefs', 'True')];
    const merged = mergeStatus(live, { gateways: [entry('ours', own), entry('new', own)] }, now);
    const written = (changedAt: string): readonly unknown[] => [
      timed('Admitted', 'False', now),
      timed('fleetgate.dev/ResolvedRefs', 'True', changedAt),
    ];
    t.same(merged, {
      gateways: [
        entry('theirs', [timed('Admitted', 'True', then)]),
        entry('ours', written(then)),
        entry('new', written(now)),
      ],
    });
    t.equal(
      mergeStatus({ ...live, ...merged }, { gateways: [entry('ours', own), entry('new', own)] }, now),
      null,
      'and is settled',
    );
  },
);

function listener(conditions: readonly unknown[]): Readonly<Record<string, unknown>> {
  return { port: 80, protocol: 'HTTP', conditions };
}

void t.test('listeners without names are told apart by their ports', async (t) => {
  const live = {
    listeners: [{ ...listener([timed('Ready', 'True', then)]), port: 81 }, listener([timed('Ready', 'True', then)])],
  };
  t.same(mergeStatus(live, { listeners: [listener([condition('Ready', 'True')])] }, now), {
    listeners: [listener([timed('Ready', 'True', then)])],
  });
});

void t.test('the load balancer of an Ingress is taken away by null, once', async (t) => {
  const served = { loadBalancer: { ingress: [{ ip: '10.0.0.1', ports: [{ port: 80, protocol: 'TCP' }] }] } };
  const none = { loadBalancer: { ingress: [] } };
  t.same(mergeStatus({ loadBalancer: {} }, served, now), served);
  t.equal(mergeStatus(served, served, now), null);
  t.same(mergeStatus(served, none, now), { loadBalancer: { ingress: null } });
  t.equal(mergeStatus({ loadBalancer: {} }, none, now), null);
  t.equal(mergeStatus({}, none, now), null);
});
