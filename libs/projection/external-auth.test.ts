// Tests authorization services as they come and go: what asks them never becomes what asks nobody, and their backends
// are in the snapshot while they are asked.
import t from 'tap';
import type { Manifest } from '#libs/testing/given/change-events.ts';
import { gatewayClass, Given, id, service } from '#libs/testing/given/given-history.ts';

const asks = (namespace = 'infra'): unknown => ({
  type: 'ExternalAuth',
  externalAuth: { protocol: 'HTTP', http: {}, backendRef: { name: 'auth', namespace, port: 9000 } },
});
const auth: Manifest = {
  kind: 'Service',
  metadata: { name: 'auth', namespace: 'infra' },
  spec: { ports: [{ name: 'http', port: 9000 }] },
};
const gateway = (filters?: unknown): Manifest => ({
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'infra' },
  spec: {
    gatewayClassName: 'f',
    listeners: [
      {
        name: 'http',
        port: 80,
        protocol: 'HTTP',
        hostname: 'a.example.com',
        ...(filters === undefined ? {} : { filters }),
      },
      { name: 'plain', port: 80, protocol: 'HTTP', hostname: 'b.example.com' },
    ],
  },
});
const route = (name: string, rule: Readonly<Record<string, unknown>> = {}): Manifest => ({
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'infra' },
  spec: {
    parentRefs: [{ name: 'web' }],
    rules: [{ matches: [{ path: { value: `/${name}` } }], backendRefs: [{ name: 'svc', port: 80 }], ...rule }],
  },
});
const policy: Manifest = {
  kind: 'BackendTLSPolicy',
  metadata: { name: 'p', namespace: 'infra' },
  spec: {
    targetRefs: [{ group: '', kind: 'Service', name: 'auth' }],
    validation: { hostname: 'auth.example.com', wellKnownCACertificates: 'System' },
  },
};
const untrusted: Manifest = {
  ...policy,
  spec: {
    targetRefs: [{ group: '', kind: 'Service', name: 'auth' }],
    validation: { hostname: 'auth.example.com', caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'none' }] },
  },
};

/** A fleet with the entries of its newest version. */
class Served {
  readonly given = new Given();
  readonly #stored = new Map<string, string>();

  apply(manifests: readonly Manifest[], gone: readonly Manifest[] = []): void {
    for (const [hash, json] of this.given.apply(manifests, gone).entries) this.#stored.set(hash, json);
  }

  entry(key: string): Readonly<Record<string, unknown>> | undefined {
    const hash = this.given.projection.content(id)?.entries.get(key);
    return hash === undefined ? undefined : JSON.parse(this.#stored.get(hash) ?? 'null');
  }

  /** What the filters of an entry ask: keys, or why nobody is asked. */
  asked(key: string): unknown {
    const filters = this.entry(key)?.['filters'];
    return Array.isArray(filters)
      ? filters.map(({ type, backend }) => `${type} ${backend.key ?? backend.invalid}`)
      : undefined;
  }

  ancestors(): number {
    const { items } = this.given.projection.statuses('eu', undefined, 1000);
    const ancestors = items.find(({ kind }) => kind === 'BackendTLSPolicy')?.status['ancestors'];
    return Array.isArray(ancestors) ? ancestors.length : 0;
  }
}

const backend = 'backend/eu/infra/auth/9000';
const missing = ['external-auth Service infra/auth does not exist'];

void t.test('a service that comes and goes is asked, or nobody passes', async (t) => {
  for (const [where, objects, key] of [
    ['listener', [gateway({ requests: [asks()] }), route('r')], 'listener/http'],
    ['rule', [gateway(), route('r', { filters: [asks()] })], 'rule/HTTPRoute/infra/r/0'],
  ] as const) {
    const served = new Served();
    served.apply([gatewayClass, service, ...objects]);
    t.strictSame(served.asked(key), missing, `${where}: not there`);
    t.equal(served.entry(backend), undefined);
    served.apply([auth, policy]);
    t.strictSame(served.asked(key), [`external-auth ${backend}`], `${where}: there`);
    t.match(served.entry(backend), { service: 'auth', tls: { hostname: 'auth.example.com' } });
    t.equal(served.ancestors(), 1, 'the Gateway is an ancestor of its policy');
    served.apply([untrusted]);
    t.match(served.asked(key), [/^external-auth Service infra\/auth: BackendTLSPolicy infra\/p cannot be honoured/]);
    t.equal(served.entry(backend), undefined, 'it is not asked in plain text');
    served.apply([policy]);
    served.apply([], [auth]);
    t.strictSame(served.asked(key), missing, `${where}: gone`);
  }
});

void t.test('a backend is in the snapshot while anything asks it', async (t) => {
  const served = new Served();
  const asking = route('r', { filters: [asks()] });
  served.apply([gatewayClass, service, auth, policy, gateway({ requests: [asks()] }), asking]);
  t.ok(served.entry(backend), 'both ask');
  served.apply([], [asking]);
  t.ok(served.entry(backend), 'the listener asks');
  t.equal(served.ancestors(), 1);
  served.apply([gateway()]);
  t.equal(served.entry(backend), undefined, 'nobody asks');
  t.equal(served.asked('listener/http'), undefined);
  t.equal(served.ancestors(), 0);
});

void t.test('a listener whose filters are not understood is closed, and its neighbour is not', async (t) => {
  const served = new Served();
  served.apply([gatewayClass, service, auth, gateway(), route('r')]);
  const listeners = (): unknown => {
    const hosts = served.entry('rule/HTTPRoute/infra/r/0')?.['hosts'];
    return Array.isArray(hosts) ? hosts.map(({ listener }: { readonly listener: string }) => listener) : undefined;
  };
  t.strictSame(listeners(), ['http', 'plain']);
  for (const filters of [
    { requests: [asks(), { type: 'ExtensionRef', extensionRef: { group: 'g', kind: 'K', name: 'n' } }] },
    { requests: [asks(), { type: 'Wasm' }] },
    { requests: [{ type: 'ExternalAuth' }] },
    { requests: 'all' },
    { requests: Array.from({ length: 17 }, () => asks()) },
    7,
  ]) {
    served.apply([gateway(filters)]);
    t.strictSame(listeners(), ['plain'], JSON.stringify(filters).slice(0, 80));
    t.match(served.asked('listener/http'), [/^external-auth .*filters/], 'nobody consents on its hostname');
    t.equal(served.entry(backend), undefined, 'and nobody is asked for it');
  }
  served.apply([gateway({ requests: [asks(), asks()] })]);
  t.strictSame(listeners(), ['http', 'plain']);
  t.strictSame(served.asked('listener/http'), [`external-auth ${backend}`, `external-auth ${backend}`], 'each is kept');
});
