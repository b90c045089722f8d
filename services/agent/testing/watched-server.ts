// Has a source watch an API server that misbehaves where a test says so, and gathers what it reports.
import type { Test } from 'tap';
import { type WatchedKind, kinds } from '#libs/gateway/kinds.ts';
import { type ServedApi, parseServedApi } from '#libs/gateway/objects/served-api.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { openKubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { findReferences } from '../objects/references.ts';
import type { Source } from '../source.ts';
import { MisbehavingApiServer } from './misbehaving-api-server.ts';

export const group = 'gateway.networking.k8s.io';
/** The CRD that tells the release. */
export const crd = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gateways.${group}`;
export const kubeSystem = '/api/v1/namespaces/kube-system';

/** A source that watches a server, and what it has reported so far. */
interface WatchedServer {
  readonly server: MisbehavingApiServer;
  readonly source: Source;
  readonly changes: string[];
  readonly listed: WatchedKind[];
  /** What GatewayClasses said of the cluster. */
  readonly said: ServedApi[];
  readonly problems: Map<string, string>;
}

/** Has the server serve kinds of the Gateway API, by version. */
export function install(server: MisbehavingApiServer, versions: Readonly<Record<string, readonly string[]>>): void {
  for (const path of server.documents.keys()) if (path.includes(group)) server.documents.delete(path);
  const names = Object.keys(versions);
  server.failing.delete(`/apis/${group}`);
  if (names.length === 0) server.failing.set(`/apis/${group}`, 404);
  else server.documents.set(`/apis/${group}`, { versions: names.map((version) => ({ version })) });
  for (const [version, plurals] of Object.entries(versions)) {
    server.documents.set(`/apis/${group}/${version}`, { resources: plurals.map((name) => ({ name })) });
  }
}

/** Has the server tell of its schemas: a hash of each group and version. */
export function publishSchemas(server: MisbehavingApiServer, hash: string): void {
  const url = '/openapi/v3/x?hash=';
  const paths = {
    'api/v1': { serverRelativeURL: `${url}0` },
    [`apis/${group}/v1`]: { serverRelativeURL: `${url}${hash}` },
  };
  server.documents.set('/openapi/v3', { paths });
}

/** Plurals of the kinds of the Gateway API. */
export const allKinds: readonly string[] = kinds.filter((info) => info.group === group).map(({ plural }) => plural);

/** Starts both; `prepare` says what there is from the beginning. */
export async function watchServer(
  test: Pick<Test, 'teardown'>,
  prepare: (server: MisbehavingApiServer) => void,
): Promise<WatchedServer> {
  const server = new MisbehavingApiServer();
  const client = await server.start();
  server.documents.set(kubeSystem, { metadata: { uid: 'cluster-uid' } });
  server.documents.set('/apis/discovery.k8s.io', { versions: [{ version: 'v1' }] });
  server.documents.set('/apis/discovery.k8s.io/v1', { resources: [{ name: 'endpointslices' }] });
  server.documents.set('/apis/networking.k8s.io', { versions: [{ version: 'v1' }] });
  server.documents.set('/apis/networking.k8s.io/v1', {
    resources: [{ name: 'ingresses' }, { name: 'ingressclasses' }],
  });
  for (const path of ['/apis/networking.x-k8s.io', crd]) server.failing.set(path, 404);
  for (const path of policyPaths) server.documents.set(path, { metadata: { resourceVersion: '1' }, items: [] });
  publishSchemas(server, '1');
  server.documents.set('/apis/certificates.k8s.io', { versions: [{ version: 'v1' }] });
  server.documents.set('/apis/certificates.k8s.io/v1', { resources: [{ name: 'certificatesigningrequests' }] });
  install(server, { v1: allKinds });
  prepare(server);
  const timing = { backoffMs: () => 5, settleMs: 5 };
  const signal = new AbortController().signal;
  let opened: Source | undefined;
  test.teardown(async () => {
    await opened?.stop();
    await client.close();
    await server.stop();
  });
  const source = (opened = await openKubernetesSource({
    client,
    log: testLogger(),
    signal,
    timing,
    missingPollMs: 20,
    provides: true,
    schemaPollMs: 20,
  }));
  const changes: string[] = [];
  const listed: WatchedKind[] = [];
  const said: ServedApi[] = [];
  const problems = new Map<string, string>();
  await source.start(
    {
      change(change) {
        const name = change.type === 'applied' ? change.object.metadata.name : change.name;
        const how = change.type === 'applied' ? change.object.apiVersion : 'gone';
        changes.push(`${change.kind} ${name} ${how}`);
        if (change.kind === 'GatewayClass' && change.type === 'applied') said.push(parseServedApi(change.object));
        if (change.kind === 'Gateway') source.reference(change.type === 'applied' ? findReferences(change.object) : []);
      },
      listed: (kind) => listed.push(kind),
      problem(about, sentence) {
        problems.delete(about);
        if (sentence !== null) problems.set(about, sentence);
      },
      restarted: () => undefined,
    },
    [],
  );
  return { server, source, changes, listed, said, problems };
}

const policyPaths = ['/apis', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'];
/** Tells whether every kind was listed. */
export function isAllListed({ listed }: WatchedServer): boolean {
  return kinds.every(({ kind }) => listed.includes(kind));
}
