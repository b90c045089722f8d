// Tests references over a namespace border: without a ReferenceGrant every kind of them is refused, with one it is
// honoured, and a grant for anything else is none.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { applied, type Manifest } from '#libs/testing/given/change-events.ts';
import { Given, gatewayClass, id } from '#libs/testing/given/given-history.ts';

const gatewayGroup = 'gateway.networking.k8s.io';

interface Row {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Objects that refer to `target` in namespace `apps`. */
  readonly objects: readonly Manifest[];
  /** Kind of the object whose status tells it. */
  readonly told: string;
  /** A piece of an entry that is there only where the reference is honoured. */
  readonly proof: string;
}

const listener = { name: 'http', port: 80, protocol: 'HTTP' };
const gateway = (spec: Readonly<Record<string, unknown>> = {}): Manifest => ({
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'infra' },
  spec: { gatewayClassName: 'f', listeners: [listener], ...spec },
});

function route(kind: string, protocol: string, rule: Readonly<Record<string, unknown>>): readonly Manifest[] {
  const tls = protocol === 'TLS' ? { tls: { mode: 'Passthrough' } } : {};
  return [
    gateway({ listeners: [{ name: 'one', port: 80, protocol, ...tls }] }),
    {
      kind,
      metadata: { name: 'r', namespace: 'infra' },
      spec: {
        parentRefs: [{ name: 'web' }],
        ...(protocol === 'TLS' ? { hostnames: ['a.example.com'] } : {}),
        rules: [rule],
      },
    },
  ];
}

const away = { name: 'target', namespace: 'apps' };
const service = { ...away, port: 80 };
const mirror = { type: 'RequestMirror', requestMirror: { backendRef: service } };

const routeRows = [
  ['HTTPRoute', 'HTTP', ''],
  ['GRPCRoute', 'HTTP', ''],
  ['TLSRoute', 'TLS', ''],
  ['TCPRoute', 'TCP', ''],
  ['UDPRoute', 'UDP', '/udp'],
].map(([kind = '', protocol = '', transport = '']): Row => ({
  name: `backendRef of a ${kind}`,
  from: kind,
  to: 'Service',
  objects: route(kind, protocol, { backendRefs: [service] }),
  told: kind,
  proof: `"backend/eu/apps/target/80${transport}"`,
}));

const mirrorRows = ['HTTPRoute', 'GRPCRoute'].flatMap((kind): readonly Row[] => {
  const row = { from: kind, to: 'Service', told: kind, proof: '"backend/eu/apps/target/80"' };
  const own = { name: 'own', port: 80 };
  return [
    { ...row, name: `mirror of a ${kind}`, objects: route(kind, 'HTTP', { filters: [mirror] }) },
    {
      ...row,
      name: `mirror of a backend of a ${kind}`,
      objects: route(kind, 'HTTP', { backendRefs: [{ ...own, filters: [mirror] }] }),
    },
  ];
});

const auth = {
  type: 'ExternalAuth',
  externalAuth: { protocol: 'HTTP', http: {}, backendRef: service },
};
/** References to authorization services; a listener is served without, and answers nothing but 500. */
const authRows: readonly Row[] = [
  ['HTTPRoute', 'rule of an HTTPRoute', route('HTTPRoute', 'HTTP', { filters: [auth] })] as const,
  [
    'HTTPRoute',
    'backend of an HTTPRoute',
    route('HTTPRoute', 'HTTP', { backendRefs: [{ name: 'own', port: 80, filters: [auth] }] }),
  ] as const,
  [
    'Gateway',
    'listener of a Gateway',
    [gateway({ listeners: [{ ...listener, filters: { requests: [auth] } }] })],
  ] as const,
  [
    'ListenerSet',
    'listener of a ListenerSet',
    [
      gateway({ allowedListeners: { namespaces: { from: 'Same' } } }),
      {
        kind: 'ListenerSet',
        metadata: { name: 'more', namespace: 'infra' },
        spec: { parentRef: { name: 'web' }, listeners: [{ ...listener, port: 81, filters: { requests: [auth] } }] },
      },
    ],
  ] as const,
].map(([from, where, objects]) => ({
  name: `ExternalAuth of a ${where}`,
  from,
  to: 'Service',
  objects,
  told: from,
  proof: '"backend/eu/apps/target/80"',
}));

const certificate = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [away] } };

/** A Gateway that demands client certificates signed by an object of `apps`. */
function demanding(kind: string): readonly Manifest[] {
  const caCertificateRefs = [{ group: '', kind, ...away }];
  const own = { ...certificate, tls: { certificateRefs: [{ name: 'own' }] } };
  return [gateway({ listeners: [own], tls: { frontend: { default: { validation: { caCertificateRefs } } } } })];
}

const gatewayRows: readonly Row[] = [
  {
    name: 'certificateRef of a Gateway',
    from: 'Gateway',
    to: 'Secret',
    objects: [gateway({ listeners: [certificate] })],
    told: 'Gateway',
    proof: '"tls/eu/apps/target"',
  },
  {
    name: 'certificateRef of a ListenerSet',
    from: 'ListenerSet',
    to: 'Secret',
    objects: [
      gateway({ allowedListeners: { namespaces: { from: 'Same' } } }),
      {
        kind: 'ListenerSet',
        metadata: { name: 'more', namespace: 'infra' },
        spec: { parentRef: { name: 'web' }, listeners: [certificate] },
      },
    ],
    told: 'ListenerSet',
    proof: '"tls/eu/apps/target"',
  },
  {
    name: 'client certificate of a Gateway, for backends',
    from: 'Gateway',
    to: 'Secret',
    objects: [
      gateway({ tls: { backend: { clientCertificateRef: away } } }),
      {
        kind: 'HTTPRoute',
        metadata: { name: 'r', namespace: 'infra' },
        spec: { parentRefs: [{ name: 'web' }], rules: [{ backendRefs: [{ name: 'own', port: 80 }] }] },
      },
      {
        kind: 'BackendTLSPolicy',
        metadata: { name: 'p', namespace: 'infra' },
        spec: {
          targetRefs: [{ group: '', kind: 'Service', name: 'own' }],
          validation: { hostname: 'own.example.com', wellKnownCACertificates: 'System' },
        },
      },
    ],
    told: 'Gateway',
    proof: '"tls/eu/apps/target"',
  },
  ...['ConfigMap', 'Secret'].map((kind): Row => ({
    name: `CA certificates of clients in a ${kind}`,
    from: 'Gateway',
    to: kind,
    objects: demanding(kind),
    told: 'Gateway',
    proof: `"ca/eu/${kind}/apps/target"`,
  })),
];

const pem = readFileSync(new URL('../xds/testdata/tls/client-ca.crt', import.meta.url), 'utf8');
const targets: readonly Manifest[] = [
  {
    kind: 'Service',
    metadata: away,
    spec: {
      ports: [
        { name: 't', port: 80 },
        { name: 'u', port: 80, protocol: 'UDP' },
      ],
    },
  },
  { kind: 'Service', metadata: { name: 'own', namespace: 'infra' }, spec: { ports: [{ port: 80 }] } },
  { kind: 'Secret', metadata: away, summary: { certificate: { fingerprint: 'f' }, caCertificates: pem } },
  { kind: 'ConfigMap', metadata: away, data: { 'ca.crt': pem } },
  { kind: 'Secret', metadata: { name: 'own', namespace: 'infra' }, summary: { certificate: { fingerprint: 'f' } } },
];

function grant(from: string, to: string, more: Readonly<Record<string, unknown>> = {}): Manifest {
  return {
    kind: 'ReferenceGrant',
    metadata: { name: 'g', namespace: 'apps' },
    spec: { from: [{ group: gatewayGroup, kind: from, namespace: 'infra' }], to: [{ group: '', kind: to }], ...more },
  };
}

/** Folds objects one after the other and says how a reference stands: [refused, honoured]. */
class Judged {
  readonly #given = new Given();
  readonly #stored = new Map<string, string>();
  readonly #row: Row;
  #revision = 0;

  constructor(row: Row) {
    this.#row = row;
  }

  after(...manifests: readonly Manifest[]): readonly [refused: boolean, honoured: boolean] {
    this.#revision += 1;
    const change = this.#given.fold(manifests.map((one) => applied(one, 'eu', `${this.#revision}`)));
    for (const [hash, json] of change.entries) this.#stored.set(hash, json);
    const { projection } = this.#given;
    const statuses = projection.statuses('eu', undefined, 1000).items.filter(({ kind }) => kind === this.#row.told);
    const entries = [...(projection.content(id)?.entries.values() ?? [])].map((hash) => this.#stored.get(hash));
    return [
      statuses.some(({ status }) => JSON.stringify(status).includes('"RefNotPermitted"')),
      entries.some((json) => json?.includes(this.#row.proof)),
    ];
  }
}

for (const row of [...routeRows, ...mirrorRows, ...authRows, ...gatewayRows]) {
  const { name, from, to, objects } = row;
  void t.test(name, async (t) => {
    const judged = new Judged(row);
    t.strictSame(judged.after(gatewayClass, ...targets, ...objects), [true, false], 'refused without a grant');
    const grants = { group: gatewayGroup, kind: from, namespace: 'infra' };
    for (const wrong of [
      grant('Bucket', to),
      grant(from, 'Bucket'),
      grant(from, to, { from: [{ ...grants, namespace: 'apps' }] }),
      grant(from, to, { from: [{ ...grants, group: 'example.com' }] }),
      grant(from, to, { to: [{ group: 'example.com', kind: to }] }),
      grant(from, to, { to: [{ group: '', kind: to, name: 'another' }] }),
      { ...grant(from, to), metadata: { name: 'h', namespace: 'infra' } },
    ])
      t.strictSame(judged.after(wrong), [true, false], `refused with ${JSON.stringify(wrong['spec'])}`);
    t.strictSame(judged.after(grant(from, to)), [false, true], 'honoured with one');
  });
}
