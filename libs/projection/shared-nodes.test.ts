// Tests Gateways that share nodes and contradict each other: the loser says so, with the winner's name; where they
// share no node, nobody does.
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import { Projection } from './projection.ts';
import { applied, type Manifest } from '#libs/testing/given/change-events.ts';

const everywhere: NodeReport = {
  node: 'a',
  connected: true,
  serves: ['*/*/*'],
  addresses: ['10.0.0.1'],
  applied: [],
  rejected: [],
};

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** What objects say of themselves; a YAML text is folded at once, later documents are younger. */
class Fleet {
  readonly projection = new Projection();
  #seq = 0n;

  apply(yaml: string): void {
    const events = parseAllDocuments(yaml).map((document, index) => {
      const { cluster, ...manifest }: Manifest & { cluster?: string } = document.toJS();
      const metadata = { ...Object(manifest['metadata']), creationTimestamp: day(index) };
      this.#seq += 1n;
      return { seq: this.#seq, event: applied({ ...manifest, metadata }, cluster ?? 'eu', `${this.#seq}`) };
    });
    this.projection.apply({ events, slices: [], sealed: [] }, () => {
      throw new Error('no rollback here');
    });
  }

  says(cluster: string, kind: string, name: string, listener?: string): readonly string[] {
    const { items } = this.projection.statuses(cluster, undefined, 100);
    const found = items.find((one) => one.kind === kind && one.name === name);
    const status: {
      conditions?: Condition[];
      listeners?: { name: string; conditions: Condition[] }[];
      parents?: { conditions: Condition[] }[];
    } = JSON.parse(JSON.stringify(found?.status ?? {}));
    const conditions =
      listener === undefined
        ? (status.conditions ?? status.parents?.flatMap((parent) => parent.conditions) ?? [])
        : (status.listeners?.find((one) => one.name === listener)?.conditions ?? []);
    return conditions.map(
      (one) => `${one.type}=${one.status} ${one.reason}${one.message === '' ? '' : `: ${one.message}`}`,
    );
  }
}

const before = `
kind: GatewayClass
metadata: { name: fleetgate }
spec: { controllerName: fleetgate.dev/gateway-controller }
---
kind: Service
metadata: { name: a, namespace: apps }
spec: { ports: [{ port: 80 }] }
---
`;
const all = 'allowedRoutes: { namespaces: { from: All } }';
const rules = 'rules: [{ backendRefs: [{ name: a, port: 80 }] }]';

void t.test('protocol and hostname: the younger listener is Conflicted and not programmed', async (t) => {
  const fleet = new Fleet();
  fleet.apply(`${before}
kind: Gateway
metadata: { name: old, namespace: infra }
spec:
  gatewayClassName: fleetgate
  listeners:
    - { name: l4, port: 2043, protocol: HTTP, ${all} }
    - { name: sec, port: 2144, protocol: TLS, hostname: '*.corp.test', tls: { mode: Passthrough }, ${all} }
---
kind: Gateway
metadata: { name: young, namespace: infra }
spec:
  gatewayClassName: fleetgate
  listeners:
    - { name: l4, port: 2043, protocol: TCP, ${all} }
    - { name: sec, port: 2144, protocol: HTTPS, hostname: '*.corp.test', tls: { certificateRefs: [{ name: x }] },
        ${all} }
    - { name: free, port: 2045, protocol: TCP, ${all} }
---
kind: TCPRoute
metadata: { name: young-tcp, namespace: apps }
spec: { parentRefs: [{ name: young, namespace: infra, sectionName: l4 }], ${rules} }
`);
  const conflicted = (listener: string): string | undefined =>
    fleet.says('eu', 'Gateway', 'young', listener).find((one) => one.startsWith('Conflicted'));
  t.equal(conflicted('l4'), 'Conflicted=False NoConflicts', 'no node serves both');
  fleet.projection.setNodes([
    { ...everywhere, applied: ['old', 'young'].map((name) => ({ gateway: `eu/infra/${name}`, version: 1 })) },
  ]);
  const l4 =
    'Gateway eu/infra/old, which comes first, has port 2043 for HTTP on nodes that serve both: not served there';
  t.strictSame(fleet.says('eu', 'Gateway', 'young', 'l4'), [
    'Accepted=True Accepted',
    `Programmed=False ProtocolConflict: ${l4}`,
    'ResolvedRefs=True ResolvedRefs',
    `Conflicted=True ProtocolConflict: ${l4}`,
  ]);
  t.equal(
    conflicted('sec'),
    'Conflicted=True HostnameConflict: Gateway eu/infra/old, which comes first, has *.corp.test on port 2144 for TLS ' +
      'on nodes that serve both: not served there',
  );
  t.equal(conflicted('free'), 'Conflicted=False NoConflicts');
  t.match(
    fleet.says('eu', 'Gateway', 'young')[1],
    `Programmed=True Programmed: applied by 1 of 1 nodes; listener l4: ${l4}`,
  );
  t.match(fleet.says('eu', 'Gateway', 'old')[1], /^Programmed=True Programmed: applied by 1 of 1 nodes$/);
  t.match(
    fleet.says('eu', 'TCPRoute', 'young-tcp')[2],
    'fleetgate.dev/Shadowed=True ListenerConflict: rule 0 can never match: ' +
      'Gateway eu/infra/old comes first with * on the same port and nodes',
  );
  fleet.projection.setNodes([
    { ...everywhere, serves: ['eu/infra/old'] },
    { ...everywhere, node: 'b', serves: ['eu/infra/young'] },
  ]);
  t.equal(conflicted('l4'), 'Conflicted=False NoConflicts', 'each has nodes of its own');
});

void t.test('filters on requests: what is asked on one host of a node is one thing', async (t) => {
  const fleet = new Fleet();
  fleet.projection.setNodes([everywhere]);
  fleet.apply(`${before.replace('namespace: apps', 'namespace: infra')}
kind: Gateway
metadata: { name: old, namespace: infra }
spec:
  gatewayClassName: fleetgate
  listeners:
${corpListener('asked', 80, asks('a', '/check'))}
${corpListener('open', 81, '')}
${corpListener('same', 82, asks('a', '/check'))}
${corpListener('other', 83, asks('a', '/check'))}
${corpListener('failing', 84, asks('absent', '/check'))}
---
kind: Gateway
metadata: { name: young, namespace: infra }
spec:
  gatewayClassName: fleetgate
  listeners:
${corpListener('asked', 80, '')}
${corpListener('open', 81, asks('a', '/check'))}
${corpListener('same', 82, asks('a', '/check/'))}
${corpListener('other', 83, asks('a', '/verify'))}
${corpListener('failing', 84, '')}
`);
  const conflicted = (gateway: string, listener: string): string | undefined =>
    fleet.says('eu', 'Gateway', gateway, listener).find((one) => one.startsWith('Conflicted'));
  for (const [name, port] of [
    ['asked', 80],
    ['open', 81],
    ['other', 83],
    ['failing', 84],
  ] as const) {
    t.equal(
      conflicted('young', name),
      'Conflicted=True HostnameConflict: Gateway eu/infra/old, which comes first, has *.corp.test ' +
        `on port ${port} for other filters on requests on nodes that serve both: not served there`,
    );
    t.equal(conflicted('old', name), 'Conflicted=False NoConflicts');
  }
  t.equal(conflicted('young', 'same'), 'Conflicted=False NoConflicts', 'both ask the same');
});

void t.test(
  'client certificates that cannot be checked: no younger listener takes the host without them',
  async (t) => {
    const fleet = new Fleet();
    fleet.projection.setNodes([everywhere]);
    const names = ['*.corp.test', '*'];
    const listeners = names.map((hostname, index) => {
      const tls = { certificateRefs: [{ name: 'c' }] };
      return { name: `l${index}`, port: 443, protocol: 'HTTPS', ...(hostname === '*' ? {} : { hostname }), tls };
    });
    const gatewayOf = (name: string, more: unknown): string =>
      JSON.stringify({
        kind: 'Gateway',
        metadata: { name, namespace: 'infra' },
        spec: { gatewayClassName: 'fleetgate', listeners, ...Object(more) },
      });
    const validation = { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'gone' }] };
    fleet.apply(`${before}
kind: Secret
metadata: { name: c, namespace: infra }
summary: { certificate: { fingerprint: f } }
---
${gatewayOf('old', { tls: { frontend: { default: { validation } } } })}
---
${gatewayOf('young', {})}
`);
    for (const [index, hostname] of names.entries())
      t.equal(
        fleet.says('eu', 'Gateway', 'young', `l${index}`).find((one) => one.startsWith('Conflicted')),
        `Conflicted=True HostnameConflict: Gateway eu/infra/old, which comes first, has ${hostname} ` +
          'on port 443 for other demands on TLS or clients on nodes that serve both: not served there',
      );
  },
);

void t.test('one host of two Gateways, in two clusters: the rule that comes later names the winner', async (t) => {
  const fleet = new Fleet();
  fleet.projection.setNodes([everywhere]);
  const ofCluster = (cluster: string): string =>
    before.replaceAll('kind:', `cluster: ${cluster}\nkind:`) + gateway(cluster, '') + '---' + route(cluster);
  fleet.apply(`${ofCluster('eu')}---${ofCluster('us')}`);
  t.equal(fleet.says('eu', 'HTTPRoute', 'shop').length, 2, 'the winner has nothing to say');
  t.match(
    fleet.says('us', 'HTTPRoute', 'shop')[2],
    'fleetgate.dev/Shadowed=True IdenticalMatch: rule 0 can never match: ' +
      'rule 0 of HTTPRoute apps/shop in eu has the same matches and comes first',
  );
  fleet.projection.setNodes([everywhere, { ...everywhere, node: 'b', serves: ['us/*/*'] }]);
  t.equal(fleet.says('us', 'HTTPRoute', 'shop').length, 2, 'other nodes serve it alone');
  fleet.projection.setNodes([everywhere]);
  fleet.apply(gateway('eu', 'hostname: shop.test,'));
  t.match(
    fleet.says('us', 'HTTPRoute', 'shop')[2],
    'fleetgate.dev/Shadowed=True ListenerConflict: rule 0 can never match: ' +
      'Gateway eu/infra/web comes first with shop.test on the same port and nodes',
    'a narrower listener of the other Gateway has the host',
  );
});

function asks(name: string, path: string): string {
  const externalAuth = { protocol: 'HTTP', http: { path }, backendRef: { name, port: 80 } };
  return `filters: ${JSON.stringify({ requests: [{ type: 'ExternalAuth', externalAuth }] })}`;
}

function corpListener(name: string, port: number, more: string): string {
  return `    - { name: ${name}, port: ${port}, protocol: HTTP, hostname: '*.corp.test', ${all}, ${more} }`;
}

function day(index: number): string {
  return `2026-01-${String(index + 1).padStart(2, '0')}T00:00:00Z`;
}

function gateway(cluster: string, hostname: string): string {
  return `
cluster: ${cluster}
kind: Gateway
metadata: { name: web, namespace: infra }
spec: { gatewayClassName: fleetgate, listeners: [{ name: http, port: 80, protocol: HTTP, ${hostname} ${all} }] }
`;
}

function route(cluster: string): string {
  return `
cluster: ${cluster}
kind: HTTPRoute
metadata: { name: shop, namespace: apps }
spec: { parentRefs: [{ name: web, namespace: infra }], hostnames: [shop.test], ${rules} }
`;
}
