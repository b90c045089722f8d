// Objects that want consent, in every state that they and what they refer to can be in, on their way to a real Envoy: a
// request without the consent never reaches a backend. FLEETGATE_SEED=… repeats a run.
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { applied, deleted, type Manifest } from '#libs/testing/given/change-events.ts';
import { startHttpAuth } from '#libs/testing/peers/auth-service.ts';
import { asTold, says } from '#libs/testing/peers/asked-gateway.ts';
import { ask, startBackend } from '#libs/testing/peers/http-peers.ts';
import { ProjectedGateways } from '#libs/testing/peers/projected-gateways.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);
const states = 60;
const portOffset = 23_000;
const group = 'gateway.networking.k8s.io';

t.comment(`FLEETGATE_SEED=${seed}`);

const payload = { protocol: 'HTTP', http: { allowedHeaders: ['X-Say'] } };
const asking = (backendRef: unknown): unknown => ({ type: 'ExternalAuth', externalAuth: { ...payload, backendRef } });

/** Lists of filters: those that may be honoured come first. */
const filterLists: Readonly<Record<string, readonly unknown[]>> = {
  near: [asking({ name: 'auth', port: 9000 })],
  twice: [asking({ name: 'auth', port: 9000 }), asking({ name: 'auth', port: 9000 })],
  away: [asking({ name: 'auth', namespace: 'security', port: 9000 })],
  'other port': [asking({ name: 'auth', port: 9001 })],
  'no port': [asking({ name: 'auth' })],
  'other kind': [asking({ group: 'gateway.networking.x-k8s.io', kind: 'XBackend', name: 'auth' })],
  'no reference': [{ type: 'ExternalAuth', externalAuth: payload }],
  'no protocol': [{ type: 'ExternalAuth', externalAuth: { http: {}, backendRef: { name: 'auth', port: 9000 } } }],
  'no payload': [{ type: 'ExternalAuth' }],
  'payload of another type': [{ ...Object(asking({ name: 'auth', port: 9000 })), type: 'ExtensionRef' }],
  extension: [
    asking({ name: 'auth', port: 9000 }),
    { type: 'ExtensionRef', extensionRef: { group: 'g', kind: 'K', name: 'n' } },
  ],
  'too many': Array.from({ length: 5 }, () => asking({ name: 'auth', port: 9000 })),
};

interface State {
  readonly rule: string;
  readonly backend: string;
  readonly listener: string;
  readonly service: 'there' | 'gone' | 'external';
  readonly ready: boolean;
  readonly policy: 'none' | 'broken';
  readonly grantFrom: readonly string[];
  /** A younger Gateway with the same hostnames, which asks nobody. */
  readonly rival: boolean;
}

const anyList = fc.oneof({ weight: 2, arbitrary: fc.constant('near') }, fc.constantFrom(...Object.keys(filterLists)));
const anyState: fc.Arbitrary<State> = fc.record({
  rule: anyList,
  backend: anyList,
  listener: anyList,
  service: fc.oneof({ weight: 3, arbitrary: fc.constant('there' as const) }, fc.constantFrom('gone', 'external')),
  ready: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean()),
  policy: fc.oneof({ weight: 3, arbitrary: fc.constant('none' as const) }, fc.constantFrom('none', 'broken')),
  grantFrom: fc.subarray(['HTTPRoute', 'Gateway', 'ListenerSet']),
  rival: fc.boolean(),
});

const metadata = (name: string, namespace = 'infra', createdAt = '2026-01-01T00:00:00Z') => ({
  metadata: { name, namespace, creationTimestamp: createdAt },
});
const toSvc = { backendRefs: [{ name: 'svc', port: 80 }] };
const listeners = (requests: readonly unknown[] | undefined): readonly unknown[] => {
  const asks = requests === undefined ? {} : { filters: { requests } };
  return [
    { name: 'any', port: 80, protocol: 'HTTP' },
    { name: 'guarded', port: 80, protocol: 'HTTP', hostname: 'listener.test', ...asks },
    { name: 'all', port: 81, protocol: 'HTTP', ...asks },
  ];
};
/** Where requests must not go through unasked, and on which port. */
const places = { rule: 80, backend: 80, listener: 80, 'every.listener': 81 } as const;

function httpRoute(name: string, gateway: string, spec: Readonly<Record<string, unknown>>): Manifest {
  return { kind: 'HTTPRoute', ...metadata(name), spec: { parentRefs: [{ name: gateway }], ...spec } };
}

function slice(namespace: string, name: string, address: readonly { readonly port: number }[]): Manifest {
  const [first] = address;
  return {
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    ports: [{ name: 'p', port: first?.port ?? 1 }],
    endpoints: first === undefined ? [] : [{ addresses: ['127.0.0.1'] }],
  };
}

/** What is always there: a backend, and a rule without filters for everything that no narrower host has. */
const always: readonly Manifest[] = [
  { kind: 'GatewayClass', metadata: { name: 'f' }, spec: { controllerName: 'fleetgate.dev/gateway-controller' } },
  { kind: 'Service', ...metadata('svc'), spec: { ports: [{ name: 'p', port: 80 }] } },
  httpRoute('open', 'web', { rules: [toSvc] }),
];

function objectsOf(state: State): { readonly there: readonly Manifest[]; readonly gone: readonly Manifest[] } {
  const all: (readonly [isThere: boolean, object: Manifest])[] = [];
  const put = (object: Manifest, isThere = true): void => void all.push([isThere, object]);
  const spec = { gatewayClassName: 'f', listeners: listeners(filterLists[state.listener]) };
  put({ kind: 'Gateway', ...metadata('web'), spec });
  put(httpRoute('rule', 'web', { hostnames: ['rule.test'], rules: [{ ...toSvc, filters: filterLists[state.rule] }] }));
  const backendRefs = [{ name: 'svc', port: 80, filters: filterLists[state.backend] }];
  put(httpRoute('backend', 'web', { hostnames: ['backend.test'], rules: [{ backendRefs }] }));
  for (const namespace of ['infra', 'security']) {
    const external = state.service === 'external' ? { type: 'ExternalName', externalName: 'auth.test' } : {};
    const service = { kind: 'Service', ...metadata('auth', namespace) };
    put({ ...service, spec: { ports: [{ name: 'p', port: 9000 }], ...external } }, state.service !== 'gone');
    const validation = { hostname: 'a.test', caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'none' }] };
    const targetRefs = [{ group: '', kind: 'Service', name: 'auth' }];
    const policy = { kind: 'BackendTLSPolicy', ...metadata('auth', namespace), spec: { targetRefs, validation } };
    put(policy, state.policy === 'broken');
  }
  const from = state.grantFrom.map((kind) => ({ group, kind, namespace: 'infra' }));
  put({ kind: 'ReferenceGrant', ...metadata('g', 'security'), spec: { from, to: [{ group: '', kind: 'Service' }] } });
  const younger = { gatewayClassName: 'f', listeners: listeners(undefined) };
  put({ kind: 'Gateway', ...metadata('young', 'infra', '2026-02-01T00:00:00Z'), spec: younger }, state.rival);
  put(httpRoute('young', 'young', { rules: [toSvc] }), state.rival);
  return {
    there: all.flatMap(([isThere, object]) => (isThere ? [object] : [])),
    gone: all.flatMap(([isThere, object]) => (isThere ? [] : [object])),
  };
}

/** Whether the filters of a place can be honoured; else everything there is refused. */
function isHonoured(state: State, list: string, from: string): boolean {
  if (state.service !== 'there' || !state.ready || state.policy !== 'none') return false;
  return list === 'near' || list === 'twice' || (list === 'away' && state.grantFrom.includes(from));
}

void t.test('what is not consented to never reaches a backend, whatever is wrong', async (t) => {
  const envoy = await throwawayEnvoy(t);
  const backend = await startBackend(t, 'svc');
  const auth = await startHttpAuth(t, asTold);
  const pipeline = new ProjectedGateways(['eu/infra/web', 'eu/infra/young'], portOffset);
  const everywhere = { node: 'n', connected: true, serves: ['*/*/*'], addresses: [], applied: [], rejected: [] };
  pipeline.projection.setNodes([everywhere]);
  let revision = 0;
  const push = async (there: readonly Manifest[], gone: readonly Manifest[]): Promise<readonly unknown[]> => {
    revision += 1;
    const events: readonly ChangeEvent[] = [
      ...there.map((one) => applied(one, 'eu', `${revision}`)),
      ...gone.map((one) => deleted(one, 'eu', `${revision}`)),
    ];
    pipeline.apply(events);
    return envoy.push(pipeline.compiler.flush());
  };
  await push([...always, slice('infra', 'svc', [backend])], []);
  const honoured = new Map<string, number>();
  for (const [index, state] of fc.sample(anyState, { numRuns: states, seed }).entries()) {
    const { there, gone } = objectsOf(state);
    const slices = ['infra', 'security'].map((namespace) => slice(namespace, 'auth', state.ready ? [auth] : []));
    const what = `state ${index}: ${JSON.stringify(state)}`;
    t.same(await push([...there, ...slices], gone), [], `${what}: Envoy takes it`);
    t.equal((await ask(portOffset + 80, { host: 'any.test' })).status, 200, `${what}: the neighbour is served`);
    for (const [place, port] of Object.entries(places)) {
      const send = async (status: number): Promise<number> =>
        (await ask(portOffset + port, { host: `${place}.test`, headers: says(status) })).status;
      const isOpen =
        place === 'rule' || place === 'backend'
          ? isHonoured(state, state[place], 'HTTPRoute')
          : isHonoured(state, state.listener, 'Gateway');
      t.not(await send(418), 200, `${what}: ${place} refuses`);
      t.equal((await send(200)) === 200, isOpen, `${what}: ${place} ${isOpen ? 'serves with consent' : 'is closed'}`);
      if (isOpen) {
        t.equal(await send(418), 418, `${what}: ${place} answers as the service does`);
        honoured.set(place, (honoured.get(place) ?? 0) + 1);
      }
    }
  }
  for (const place of Object.keys(places)) t.ok((honoured.get(place) ?? 0) > 3, `${place} was open in some states`);
});
