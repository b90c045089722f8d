// Makes the backends of random route sets for tests, and says of each whether it answers: services that speak plain
// text or TLS, and policies that are right for what they show, wrong, or not there.
import * as fc from 'fast-check';
import type { BackendEntry, BackendTls } from '#libs/snapshot/entry.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { backendEntry } from './entries.ts';
import { pick } from './random-picks.ts';

interface Service {
  readonly protocol: BackendEntry['protocol'];
  /** Shows `backend` of libs/xds/testdata/tls. */
  readonly speaksTls: boolean;
}

const http = { protocol: 'http', speaksTls: false } as const;
const secureHttp = { protocol: 'http', speaksTls: true } as const;

/** Services with an entry in every gateway, by name. */
export const services = {
  web: http,
  api: http,
  grpc: { protocol: 'h2c', speaksTls: false },
  vault: secureHttp,
  'grpc-vault': { protocol: 'h2c', speaksTls: true },
  mirror: http,
  /** These take connections, not requests. */
  stream: http,
  'tls-stream': secureHttp,
  datagram: { protocol: 'udp', speaksTls: false },
} as const satisfies Readonly<Record<string, Service>>;

export type ServiceName = keyof typeof services;

export const serviceNames: readonly ServiceName[] = [
  ...(['web', 'api', 'grpc', 'vault', 'grpc-vault', 'mirror', 'stream', 'tls-stream', 'datagram'] as const),
];

/** Discovery keys of the authorities; the first one signed what backends show. */
export const backendAuthorities = ['ca/eu/ConfigMap/shop/right', 'ca/eu/ConfigMap/shop/wrong'] as const;

const [rightAuthority, wrongAuthority] = backendAuthorities;
const plain: BackendTls = { hostname: 'abc.example.com', authorities: [rightAuthority], subjectAltNames: [] };
const san = (type: 'Hostname' | 'URI', value: string): BackendTls['subjectAltNames'][number] => ({ type, value });

const rightPolicies: readonly BackendTls[] = [
  plain,
  { ...plain, hostname: 'a.wild.example.com' },
  { ...plain, authorities: [wrongAuthority, rightAuthority] },
  { ...plain, hostname: 'x.test', subjectAltNames: [san('Hostname', 'other.example.com')] },
  { ...plain, subjectAltNames: [san('URI', 'spiffe://no'), san('URI', 'spiffe://abc.example.com/test-identity')] },
];
const wrongPolicies: readonly BackendTls[] = [
  { ...plain, authorities: [wrongAuthority] },
  { ...plain, hostname: 'elsewhere.example.com' },
  { ...plain, subjectAltNames: [san('Hostname', 'elsewhere.example.com')] },
  { ...plain, subjectAltNames: [san('URI', 'spiffe://def.example.com/test-identity')] },
];
const right: ReadonlySet<string> = new Set(rightPolicies.map(canonicalJson));

/** Gives the entries of all services, each with or without a policy. */
export const backendEntries: fc.Arbitrary<readonly (readonly [key: string, entry: BackendEntry])[]> = fc.tuple(
  ...serviceNames.map((name) => {
    const { protocol, speaksTls } = services[name];
    const policy = fc.oneof(
      { weight: speaksTls ? 1 : 12, arbitrary: fc.constant(undefined) },
      { weight: speaksTls ? 4 : 1, arbitrary: pick(...rightPolicies) },
      { weight: speaksTls ? 3 : 1, arbitrary: pick(...wrongPolicies) },
    );
    return policy.map((tls) =>
      backendEntry(name, tls === undefined || protocol === 'udp' ? { protocol } : { protocol, tls }),
    );
  }),
);

/** Tells whether a service answers what speaks TLS by this policy, or plain text. */
export function answersTo(name: ServiceName, tls: BackendTls | undefined): boolean {
  const { speaksTls } = services[name];
  return tls === undefined ? !speaksTls : speaksTls && right.has(canonicalJson(tls));
}
