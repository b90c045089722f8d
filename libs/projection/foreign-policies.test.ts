// Tests that a policy of another gateway is named on what it is attached to, for as long as Fleetgate serves that, and
// on nothing else.
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import { recordsOf } from '#libs/gateway/fields/record.ts';
import { applied, deleted, isManifest, type Manifest } from '#libs/testing/given/change-events.ts';
import { statusFaults } from '#libs/testing/status-rules.ts';
import { Projection } from './projection.ts';

const type = 'fleetgate.dev/UnservedPolicies';
const given = `
kind: GatewayClass
metadata: { name: fleetgate }
spec: { controllerName: fleetgate.dev/gateway-controller }
---
kind: GatewayClass
metadata: { name: envoy }
spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
---
kind: Gateway
metadata: { name: web, namespace: shop, labels: { tier: edge } }
spec:
  gatewayClassName: fleetgate
  allowedListeners: { namespaces: { from: Same } }
  listeners:
    - { name: http, port: 80, protocol: HTTP }
    - { name: alt, port: 81, protocol: HTTP }
    - { name: grpc, port: 83, protocol: HTTP }
---
kind: Gateway
metadata: { name: theirs, namespace: shop, labels: { tier: edge } }
spec: { gatewayClassName: envoy, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
kind: ListenerSet
metadata: { name: more, namespace: shop }
spec: { parentRef: { name: web }, listeners: [{ name: extra, port: 82, protocol: HTTP }] }
---
kind: Service
metadata: { name: a, namespace: shop, labels: { app: a } }
spec: { ports: [{ name: web, port: 80 }, { name: admin, port: 81 }] }
---
kind: HTTPRoute
metadata: { name: cart, namespace: shop, labels: { team: cart } }
spec:
  parentRefs: [{ name: web, sectionName: http }]
  rules: [{ name: first, backendRefs: [{ name: a, port: 80 }] }]
---
kind: HTTPRoute
metadata: { name: both, namespace: shop, labels: { team: both } }
spec: { parentRefs: [{ name: web, sectionName: alt }, { name: theirs }], rules: [{}] }
---
kind: HTTPRoute
metadata: { name: other, namespace: shop, labels: { team: cart } }
spec: { parentRefs: [{ name: theirs }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }
---
kind: TCPRoute
metadata: { name: refused, namespace: shop }
spec: { parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }
---
kind: GRPCRoute
metadata: { name: calls, namespace: shop }
spec: { parentRefs: [{ name: web, sectionName: grpc }], rules: [{}] }
`;

const envoy = 'gateway.envoyproxy.io/v1alpha1';
const group = 'gateway.networking.k8s.io';
const none: readonly string[] = [];

class Fleet {
  readonly projection = new Projection();
  #seq = 0n;

  constructor() {
    this.apply(given);
  }

  apply(yaml: string): void {
    const manifests = parseAllDocuments(yaml).map((one): unknown => one.toJS());
    this.fold(manifests.filter(isManifest).map((manifest) => applied(manifest, 'eu', String(++this.#seq))));
  }

  fold(events: readonly ReturnType<typeof applied>[]): number {
    const before = this.projection.executions;
    const batch = events.map((event) => ({ seq: ++this.#seq, event }));
    this.projection.apply({ events: batch, slices: [], sealed: [] }, () => {
      throw new Error('no rollback here');
    });
    return this.projection.executions - before;
  }

  /** Puts a policy of the kind on targets; gives it, for its removal. */
  attach(kind: string, spec: object, more: object = {}): Manifest {
    const policy = { apiVersion: envoy, kind, metadata: { name: 'auth', namespace: 'shop' }, spec, ...more };
    this.fold([applied(policy, 'eu', String(++this.#seq))]);
    return policy;
  }

  remove(policy: Manifest): void {
    this.fold([deleted(policy, 'eu', String(++this.#seq))]);
  }

  /** `kind name: message` of every object, and `kind name/listener: message` of every listener, that names a policy. */
  named(): readonly string[] {
    const { items } = this.projection.statuses('eu', undefined, 100);
    return items.flatMap((item) => {
      t.same(statusFaults(item), []);
      const { kind, name, status } = item;
      const parts = [status, ...recordsOf(status['parents'])].map((part) => [`${kind} ${name}`, part] as const);
      const listeners = recordsOf(status['listeners']).map(
        (part) => [`${kind} ${name}/${String(part['name'])}`, part] as const,
      );
      return [...parts, ...listeners].flatMap(([what, part]) => {
        const conditions = recordsOf(part['conditions']).filter((one) => one['type'] === type);
        return conditions.map(({ message }) => `${what}: ${String(message)}`);
      });
    });
  }
}

const ref = (kind: string, name: string, more: object = {}) => ({ group, kind, name, ...more });
const title = 'SecurityPolicy of gateway.envoyproxy.io, shop/auth,';

void t.test('each kind of target', (t) => {
  const fleet = new Fleet();
  const cases: readonly (readonly [object, readonly string[]])[] = [
    [ref('Gateway', 'web'), [`Gateway web: ${title} is not served here`]],
    [
      ref('ListenerSet', 'more'),
      [
        `Gateway web: ${title} on ListenerSet shop/more, is not served here`,
        `ListenerSet more: ${title} is not served here`,
      ],
    ],
    [ref('HTTPRoute', 'cart'), [`HTTPRoute cart: ${title} is not served here`]],
    [ref('GRPCRoute', 'calls'), [`GRPCRoute calls: ${title} is not served here`]],
    [{ group: '', kind: 'Service', name: 'a' }, [`HTTPRoute cart: ${title} on Service shop/a, is not served here`]],
    [{ kind: 'Service', name: 'a' }, [`HTTPRoute cart: ${title} on Service shop/a, is not served here`]],
    [
      ref('GatewayClass', 'fleetgate'),
      [
        `Gateway web: ${title} on GatewayClass fleetgate, is not served here`,
        `GatewayClass fleetgate: ${title} is not served here`,
      ],
    ],
    [{ kind: 'Namespace', name: 'shop' }, [`Gateway web: ${title} on Namespace shop, is not served here`]],
    // What others serve, what nobody does, and what is not there.
    [ref('Gateway', 'theirs'), none],
    [ref('HTTPRoute', 'other'), none],
    [ref('TCPRoute', 'refused'), none],
    [ref('GatewayClass', 'envoy'), none],
    [ref('HTTPRoute', 'nowhere'), none],
    [{ group: 'apps', kind: 'Deployment', name: 'web' }, none],
    [ref('Gateway', 'web', { namespace: 'elsewhere' }), none],
    [{ apiVersion: 'apps/v1', kind: 'Gateway', name: 'web' }, none],
    // A route of two gateways is named for the parent that is ours, once.
    [ref('HTTPRoute', 'both'), [`HTTPRoute both: ${title} is not served here`]],
  ];
  for (const [target, expected] of cases) {
    for (const spec of [{ targetRef: target }, { targetRefs: [target] }]) {
      const policy = fleet.attach('SecurityPolicy', spec);
      t.strictSame(fleet.named(), expected, JSON.stringify(target));
      fleet.remove(policy);
      t.strictSame(fleet.named(), none, 'and it goes with the policy');
    }
  }
  t.end();
});

void t.test('a section: a listener, a rule, a port', (t) => {
  const fleet = new Fleet();
  const cases: readonly (readonly [object, readonly string[]])[] = [
    [ref('Gateway', 'web', { sectionName: 'alt' }), [`Gateway web/alt: ${title} is not served here`]],
    [ref('Gateway', 'web', { sectionName: 'none' }), none],
    [
      ref('ListenerSet', 'more', { sectionName: 'extra' }),
      [
        `Gateway web: ${title} on listener extra of ListenerSet shop/more, is not served here`,
        `ListenerSet more/extra: ${title} is not served here`,
      ],
    ],
    [ref('ListenerSet', 'more', { sectionName: 'none' }), none],
    [
      ref('HTTPRoute', 'cart', { sectionName: 'first' }),
      [`HTTPRoute cart: ${title} on rule first, is not served here`],
    ],
    [ref('HTTPRoute', 'cart', { sectionName: 'second' }), none],
    [
      { kind: 'Service', name: 'a', sectionName: 'web' },
      [`HTTPRoute cart: ${title} on port web of Service shop/a, is not served here`],
    ],
    [{ kind: 'Service', name: 'a', sectionName: 'admin' }, none],
  ];
  for (const [target, expected] of cases) {
    const policy = fleet.attach('SecurityPolicy', { targetRefs: [target] });
    t.strictSame(fleet.named(), expected, JSON.stringify(target));
    fleet.remove(policy);
  }
  t.end();
});

void t.test('a namespace that is named counts, whatever the policy is in', (t) => {
  const fleet = new Fleet();
  const metadata = { name: 'far', namespace: 'security' };
  fleet.attach('SecurityPolicy', { targetRefs: [ref('HTTPRoute', 'cart', { namespace: 'shop' })] }, { metadata });
  t.strictSame(fleet.named(), [
    'HTTPRoute cart: SecurityPolicy of gateway.envoyproxy.io, security/far, is not served here',
  ]);
  t.end();
});

function select(kind: string, more: object): object {
  return { targetSelectors: [{ group, kind, ...more }] };
}

void t.test('selectors: of labels, as they are at present', (t) => {
  const fleet = new Fleet();
  const policy = fleet.attach('BackendTrafficPolicy', select('HTTPRoute', { matchLabels: { team: 'cart' } }));
  const said = 'BackendTrafficPolicy of gateway.envoyproxy.io, shop/auth, is not served here';
  t.strictSame(fleet.named(), [`HTTPRoute cart: ${said}`]);
  fleet.apply(`
kind: HTTPRoute
metadata: { name: cart, namespace: shop, labels: { team: pay } }
spec: { parentRefs: [{ name: web, sectionName: http }], rules: [{ name: first, backendRefs: [{ name: a, port: 80 }] }] }
`);
  t.strictSame(fleet.named(), none, 'the label is gone');
  fleet.remove(policy);
  const expression = { key: 'team', operator: 'NotIn', values: ['pay'] };
  fleet.remove(fleet.attach('BackendTrafficPolicy', select('HTTPRoute', { matchExpressions: [expression] })));
  fleet.attach('BackendTrafficPolicy', select('HTTPRoute', { matchExpressions: [expression] }));
  t.strictSame(fleet.named(), [`HTTPRoute both: ${said}`]);
  fleet.attach('BackendTrafficPolicy', select('Gateway', { matchLabels: { tier: 'edge' }, sectionName: 'http' }));
  t.strictSame(fleet.named(), [`Gateway web/http: ${said}`]);
  fleet.attach('BackendTrafficPolicy', {
    targetSelectors: [{ group: '', kind: 'Service', matchLabels: { app: 'a' } }],
  });
  t.strictSame(fleet.named(), [
    'HTTPRoute cart: BackendTrafficPolicy of gateway.envoyproxy.io, shop/auth, on Service shop/a, is not served here',
  ]);
  fleet.attach('BackendTrafficPolicy', select('Gateway', { matchLabels: 7, matchExpressions: [7] }));
  t.strictSame(fleet.named(), [`Gateway web: ${said}`], 'a selector that cannot be read restricts nothing');
  t.end();
});

void t.test("Istio's: by targetRefs, by the label of a Gateway's pods, or for the namespace", (t) => {
  const fleet = new Fleet();
  const apiVersion = 'security.istio.io/v1';
  const said = 'AuthorizationPolicy of security.istio.io, shop/auth,';
  const cases: readonly (readonly [object, readonly string[]])[] = [
    [{}, [`Gateway web: ${said} on Namespace shop, is not served here`]],
    [{ selector: { matchLabels: {} } }, [`Gateway web: ${said} on Namespace shop, is not served here`]],
    [{ selector: { matchLabels: { [`${group}/gateway-name`]: 'web' } } }, [`Gateway web: ${said} is not served here`]],
    [{ selector: { matchLabels: { app: 'a' } } }, none],
    [{ targetRefs: [ref('Gateway', 'web')] }, [`Gateway web: ${said} is not served here`]],
  ];
  for (const [spec, expected] of cases) {
    const policy = fleet.attach('AuthorizationPolicy', spec, { apiVersion });
    t.strictSame(fleet.named(), expected, JSON.stringify(spec));
    fleet.remove(policy);
  }
  t.end();
});

function annotated(plugins: string, policy: string): string {
  return `
kind: HTTPRoute
metadata: { name: cart, namespace: shop, annotations: { konghq.com/plugins: ${plugins} } }
spec: { parentRefs: [{ name: web, sectionName: http }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }
---
kind: Service
metadata: { name: a, namespace: shop, annotations: { konghq.com/upstream-policy: ${policy} } }
spec: { ports: [{ port: 80 }] }
`;
}

void t.test("Kong's: by annotations of the object itself", (t) => {
  const fleet = new Fleet();
  fleet.apply(annotated("'login, infra/quota,,login'", 'sticky'));
  const [one, two, three] = ['KongPlugin', 'KongPlugin', 'KongUpstreamPolicy'].map((kind, index) => {
    const name = ['infra/quota', 'shop/login', 'shop/sticky, on Service shop/a'][index];
    return `${kind} of configuration.konghq.com, ${name}, is not served here`;
  });
  t.strictSame(fleet.named(), [`HTTPRoute cart: ${one}; ${two}; ${three}`]);
  fleet.apply(annotated("''", '7'));
  t.strictSame(fleet.named(), none);
  t.end();
});

void t.test('several policies are named together, those of the Gateway API itself as yet to come', (t) => {
  const fleet = new Fleet();
  fleet.attach('SecurityPolicy', { targetRefs: [ref('Gateway', 'web')] });
  const apiVersion = 'gateway.networking.x-k8s.io/v1alpha1';
  fleet.attach('XTelemetryPolicy', { targetRefs: [ref('Gateway', 'web')] }, { apiVersion });
  t.strictSame(fleet.named(), [
    `Gateway web: ${title} is not served here; ` +
      'XTelemetryPolicy of gateway.networking.x-k8s.io, shop/auth, is not served here yet',
  ]);
  const found = fleet.projection.statuses('eu', undefined, 100).items.find(({ kind }) => kind === 'Gateway');
  const accepted = recordsOf(found?.status['conditions']).find((one) => one['type'] === 'Accepted');
  t.equal(accepted?.['status'], 'True');
  t.end();
});

function securityPolicy(targetRefs: readonly object[], name = 'auth'): Manifest {
  return { apiVersion: envoy, kind: 'SecurityPolicy', metadata: { name, namespace: 'shop' }, spec: { targetRefs } };
}

void t.test('a policy has no status of ours, and costs nothing where it is on nothing', (t) => {
  const fleet = new Fleet();
  t.equal(fleet.fold([applied(securityPolicy([ref('Gateway', 'theirs')]), 'eu', '100')]), 1, 'it is read');
  t.ok(
    fleet.fold([applied(securityPolicy([ref('HTTPRoute', 'cart')], 'more'), 'eu', '101')]) <= 3,
    'one route is told',
  );
  t.notOk(fleet.projection.statuses('eu', undefined, 100).items.some(({ kind }) => kind.startsWith('SecurityPolicy')));
  t.end();
});

void t.test('what Postgres holds is taken over', (t) => {
  const events = [
    ...parseAllDocuments(given)
      .map((one): unknown => one.toJS())
      .filter(isManifest),
  ].map((one) => applied(one, 'eu', '1'));
  const kept = applied(securityPolicy([ref('HTTPRoute', 'cart')]), 'eu', '2');
  const objects = [...events, kept].flatMap(({ cluster, hash, object }) =>
    object === null ? [] : [{ cluster, hash, object }],
  );
  const projection = new Projection();
  projection.load({ objects, slices: [], sealed: [], gateways: [] });
  t.ok(projection.knows(kept));
  t.ok(
    projection
      .inventory('eu', undefined, 100)
      .items.some(({ key }) => key === 'SecurityPolicy.gateway.envoyproxy.io/shop/auth'),
  );
  const route = projection.statuses('eu', undefined, 100).items.find(({ name }) => name === 'cart');
  t.match(JSON.stringify(route?.status), /is not served here/);
  t.end();
});

void t.test('policies that no API server lets through: folding them never throws', (t) => {
  const fleet = new Fleet();
  const texts: readonly unknown[] = [
    '',
    'a/b',
    'a b',
    '\0',
    'x'.repeat(5000),
    7,
    null,
    [],
    {},
    ['web'],
    { name: 'web' },
  ];
  const fields = ['group', 'kind', 'namespace', 'name', 'sectionName', 'matchLabels', 'matchExpressions'];
  let count = 0;
  for (const hostile of texts) {
    const specs: readonly unknown[] = [
      hostile,
      { targetRef: hostile, targetRefs: hostile, targetSelectors: hostile, selector: hostile },
      { targetRefs: [hostile], targetSelectors: [hostile], workloadSelector: hostile },
      { selector: { matchLabels: hostile } },
      { selector: { matchLabels: { [`${group}/gateway-name`]: hostile } } },
      ...fields.map((field) => ({
        targetRefs: [{ ...ref('Gateway', 'web'), [field]: hostile }],
        targetSelectors: [{ group, kind: 'Gateway', [field]: hostile }],
      })),
    ];
    for (const apiVersion of [envoy, 'security.istio.io/v1'])
      for (const spec of specs) {
        count += 1;
        const metadata = { name: 'auth', namespace: 'shop' };
        fleet.fold([applied({ apiVersion, kind: 'SecurityPolicy', metadata, spec }, 'eu', String(1000 + count))]);
        for (const item of fleet.projection.statuses('eu', undefined, 100).items) {
          if (statusFaults(item).length > 0) t.fail(JSON.stringify([spec, statusFaults(item)]));
        }
      }
  }
  const many = Array.from({ length: 10_000 }, (_, index) => ref('Gateway', `g${index}`));
  fleet.attach('SecurityPolicy', { targetRefs: [...many, ref('Gateway', 'web')] });
  t.match(fleet.named()[0], /^Gateway web: SecurityPolicy/, 'a long list is read to its end');
  t.ok(count > 200, `${count} objects`);
  t.end();
});
