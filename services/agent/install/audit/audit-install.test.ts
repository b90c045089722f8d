// What `agent install --audit` makes: certificates that a TLS client accepts, objects, files for hosts, and what it
// says of flags.
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { createServer, connect } from 'node:tls';
import t from 'tap';
import { parse } from 'yaml';
import { kinds } from '#libs/gateway/kinds.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { listenOn } from '#libs/runtime/ports.ts';
import { golden } from '#libs/testing/golden.ts';
import { auditObjects } from '../install-audit.ts';
import { buildManifest, printManifest } from '../manifest.ts';
import { manifestOptions } from '../options.ts';
import { describeFlags, printAuditPolicy, printWebhookConfig, serviceAddress } from './api-server-files.ts';
import { auditHost } from './audit-objects.ts';
import { auditSecretData, readAuditSecret, renewAuditSecret } from './audit-secret.ts';

const host = auditHost('fleetgate-system');
const now = Date.now();
const dayMs = 24 * 3_600_000;
const fixed = { caCertificate: 'ca', caKey: 'ca-key', certificate: 'crt', key: 'key', token: '0123abcd' };

function manifest(audit: 'webhook' | 'admission'): string {
  const flags = {
    cluster: 'eu',
    natsUrl: 'nats://nats.example.com:4222',
    image: 'fleetgate:1',
    gatewayClass: true,
    audit,
  };
  const options = readOptions(manifestOptions, flags, {});
  const bare = buildManifest({ ...options, audit: undefined }).map((object) => JSON.stringify(object));
  const added = buildManifest(options, fixed).filter((object) => !bare.includes(JSON.stringify(object)));
  return printManifest(added, 'yaml');
}

void t.test('each mode adds its objects, and no right', async (t) => {
  for (const mode of ['webhook', 'admission'] as const) {
    const text = manifest(mode);
    golden(t, new URL(`../testdata/audit-${mode}.out.yaml`, import.meta.url), text);
    t.notMatch(text, /kind: (Cluster)?Role/);
  }
  t.notMatch(manifest('admission'), /- (secrets|configmaps)$/m, 'no webhook gets bodies of Secrets');
});

void t.test('what another mode needed is taken away, and all of it without a mode', async (t) => {
  const policy = ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'];
  t.same(
    auditObjects('x', 'webhook').map(({ kind }) => kind),
    ['ValidatingWebhookConfiguration'],
  );
  t.same(
    auditObjects('x', 'admission').map(({ kind }) => kind),
    policy,
  );
  t.same(auditObjects('x').length, 5);
});

void t.test('the audit policy records every kind of the history, Secrets without bodies', async (t) => {
  const text = printAuditPolicy();
  golden(t, new URL('../testdata/audit-policy.out.yaml', import.meta.url), text);
  const { rules } = parse(text);
  const levels = new Map<string, string>();
  for (const { level, resources = [] } of rules)
    for (const { group, resources: names } of resources)
      for (const name of names) levels.set(`${group}/${name}`, level);
  for (const { group, plural, stream } of kinds) {
    const level = ['secrets', 'configmaps'].includes(plural) ? 'Metadata' : 'RequestResponse';
    t.equal(levels.get(`${group}/${plural}`), stream === 'history' ? level : undefined, plural);
  }
});

void t.test('the certificate is one that a client accepts by name', async (t) => {
  const secret = renewAuditSecret(undefined, host, now);
  const certificate = new X509Certificate(secret.certificate);
  const authority = new X509Certificate(secret.caCertificate);
  t.ok(certificate.verify(authority.publicKey));
  t.ok(certificate.checkIssued(authority));
  t.ok(authority.ca);
  t.notOk(certificate.ca);
  t.ok(certificate.checkPrivateKey(createPrivateKey(secret.key)));
  const server = createServer({ cert: secret.certificate, key: secret.key }, (socket) => socket.end('hello'));
  t.teardown(() => server.close());
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  const dial = (servername: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', servername, ca: secret.caCertificate });
      socket.on('data', (data: Buffer) => resolve(data.toString()));
      socket.on('error', (error) => resolve(error.message));
    });
  t.equal(await dial(host), 'hello');
  t.match(await dial('elsewhere.svc'), /does not match/);
});

void t.test('a later install goes on with the Secret, and renews the certificate in time', async (t) => {
  const first = renewAuditSecret(undefined, host, now);
  const read = readAuditSecret({ data: auditSecretData(first) });
  t.strictSame(read, first);
  t.match(first.token, /^[0-9a-f]{64}$/, 'the path of a webhook takes it');
  t.strictSame(renewAuditSecret(read, host, now + dayMs), first, 'nothing changes');
  const later = renewAuditSecret(read, host, now + 310 * dayMs);
  t.equal(later.caCertificate, first.caCertificate, 'hosts keep what they know');
  t.equal(later.token, first.token);
  t.not(later.certificate, first.certificate);
  t.ok(new X509Certificate(later.certificate).verify(new X509Certificate(first.caCertificate).publicKey));
  t.not(renewAuditSecret(read, auditHost('other'), now).certificate, first.certificate, 'another name');
  t.equal(readAuditSecret({ data: {} }), undefined);
  t.equal(readAuditSecret(null), undefined);
  const ended = renewAuditSecret(read, host, now + 3300 * dayMs);
  t.not(ended.caCertificate, first.caCertificate, 'an authority that ends is made anew');
  t.ok(new X509Certificate(ended.certificate).verify(new X509Certificate(ended.caCertificate).publicKey));
});

void t.test('the kubeconfig names the Service by its address, and the agent by its name', async (t) => {
  const service = { spec: { clusterIP: '10.96.7.8' } };
  t.equal(serviceAddress(service), 'https://10.96.7.8:7424');
  t.equal(serviceAddress({ spec: { clusterIP: 'fd00::7' } }), 'https://[fd00::7]:7424');
  t.equal(serviceAddress(null), 'https://CLUSTER-IP:7424');
  t.match(parse(printWebhookConfig(fixed, 'fleetgate-system', serviceAddress(service))), {
    clusters: [{ cluster: { server: 'https://10.96.7.8:7424/audit', 'tls-server-name': host } }],
    users: [{ user: { token: '0123abcd' } }],
  });
});

void t.test('flags that an API server lacks are named, and a policy that it has', async (t) => {
  t.match(describe(), /cannot be seen/);
  t.match(describeFlags(null).join('\n'), /--audit-policy-file=\/etc\/kubernetes\/fleetgate-audit-policy\.yaml/);
  const lacking = describe(pod('--audit-policy-file=/etc/own.yaml', '--audit-webhook-mode=batch'));
  t.match(lacking, /kube-apiserver-a lacks:\n +--audit-webhook-config-file/);
  t.notMatch(lacking, /--audit-webhook-mode/);
  t.match(lacking, /has the audit policy \/etc\/own\.yaml: put the rules/);
  const whole = [
    '--audit-policy-file=/etc/kubernetes/fleetgate-audit-policy.yaml',
    '--audit-webhook-config-file=/x',
    '--audit-webhook-mode=batch',
    '--audit-webhook-batch-max-wait=2s',
    '--audit-webhook-initial-backoff=2s',
  ];
  t.equal(describe(pod(...whole)), 'kube-apiserver-a has every flag that it needs.');
});

function pod(...command: readonly string[]): object {
  return {
    metadata: { name: 'kube-apiserver-a' },
    spec: { containers: [{ command: ['kube-apiserver', ...command] }] },
  };
}

function describe(...items: readonly object[]): string {
  return describeFlags({ items }).join('\n');
}
