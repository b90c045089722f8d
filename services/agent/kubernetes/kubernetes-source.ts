// Makes a Kubernetes API server a source: it watches every kind of the table and the Secrets, ConfigMaps and
// ClusterTrustBundles that are referred to, and writes statuses.
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { readForeignKind, type WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { parseLocalKey } from '#libs/gateway/object-key.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { referringKinds } from '../objects/references.ts';
import type { Source, SourceSink, StatusWriteResult, WriteStatus } from '../source.ts';
import type { ApiClient } from './api-client.ts';
import { type ServedKind, collectionPath } from './discovery.ts';
import { KindWatches } from './kind-watches.ts';
import { PolicyWatches } from './policy-watches.ts';
import { Reachability } from './reachability.ts';
import { ReferencedWatches, referencedKinds } from './referenced-watches.ts';
import { parseKubeObject } from './resource-version.ts';
import { SchemaWatch } from './schema-watch.ts';
import type { ReflectorTiming } from './timing.ts';

interface KubernetesSourceOptions {
  readonly client: ApiClient;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly timing?: Partial<ReflectorTiming>;
  readonly missingPollMs?: number;
  /** Whether the agent provides data planes. */
  readonly provides?: boolean;
  /** How often to look whether schemas have changed. */
  readonly schemaPollMs?: number;
}

/**
 * Waits for the API server and asks who it is. The client stays its caller's to close. Throws FleetgateError
 * 'kube-refused' when it refuses the credentials.
 */
export async function openKubernetesSource(options: KubernetesSourceOptions): Promise<Source> {
  const clusterUid = await identifyCluster(options);
  let watches: KindWatches | undefined;
  let referenced: ReferencedWatches | undefined;
  let schemas: SchemaWatch | undefined;
  let policies: PolicyWatches | undefined;
  return {
    kind: 'kubernetes',
    clusterUid,
    async start(sink, inventory) {
      const listed = new Set<WatchedKind>();
      const settle = (): void => {
        if (referenced?.areListed !== true || ![...referringKinds].every((kind) => listed.has(kind))) return;
        for (const kind of referencedKinds) sink.listed(kind);
      };
      const { client, timing, missingPollMs } = options;
      const watching: SourceSink = {
        ...sink,
        listed(kind) {
          sink.listed(kind);
          listed.add(kind);
          if (referringKinds.has(kind)) settle();
        },
      };
      const reachability = new Reachability((about, sentence) => sink.problem(about, sentence));
      const references = new ReferencedWatches({
        client,
        sink,
        reachability,
        onListed: settle,
        onMissing: () => watches?.look(),
        timing,
      });
      referenced = references;
      watches = new KindWatches({
        client,
        sink: watching,
        reachability,
        provides: options.provides ?? false,
        onReferenced: (kind, served) => references.serve(kind, served),
        ...(timing === undefined ? {} : { timing }),
        ...(missingPollMs === undefined ? {} : { missingPollMs }),
      });
      watches.start();
      policies = watchPolicies(options, sink, reachability, inventory);
      schemas = new SchemaWatch({
        client,
        onChanged(roots) {
          watches?.reread(roots);
          policies?.reread(roots);
        },
        onProblem: (sentence) => sink.problem('schemas', sentence),
        ...(options.schemaPollMs === undefined ? {} : { pollMs: options.schemaPollMs }),
      });
      schemas.start();
    },
    reference: (wanted) => referenced?.set(wanted),
    isUncertain: (key) => referenced?.isUnreadable(key) ?? false,
    writeStatus: (target, status) => {
      const served = watches?.served(target.kind);
      return served === undefined ? Promise.resolve({ outcome: 'gone' }) : patchStatus(options, served, target, status);
    },
    async stop() {
      await Promise.all([schemas?.stop(), watches?.stop(), referenced?.stop(), policies?.stop()]);
    },
  };
}

/** Watches the policies of other gateways; of those that the history has, kinds that are gone are noticed. */
function watchPolicies(
  { client, timing, missingPollMs }: KubernetesSourceOptions,
  sink: SourceSink,
  reachability: Reachability,
  inventory: readonly InventoryItem[],
): PolicyWatches {
  const policies = new PolicyWatches({
    client,
    sink,
    reachability,
    held: inventory.flatMap(({ key }) => readForeignKind(parseLocalKey(key).kind) ?? []),
    ...(timing === undefined ? {} : { timing }),
    ...(missingPollMs === undefined ? {} : { pollMs: missingPollMs }),
  });
  policies.start();
  return policies;
}

async function identifyCluster({ client, log, signal }: KubernetesSourceOptions): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const answer = await client.call({ path: '/api/v1/namespaces/kube-system', signal }).catch((error: unknown) => ({
      status: 0,
      body: null,
      message: messageOf(error),
    }));
    const metadata = isRecord(answer.body) ? answer.body['metadata'] : undefined;
    if (answer.status === 200 && isRecord(metadata) && typeof metadata['uid'] === 'string') return metadata['uid'];
    const what = `${client.server}: ${answer.message || `HTTP ${answer.status}`}`;
    if (answer.status === 401 || answer.status === 403) throw fail('kube-refused', what);
    if (attempt === 0) log.warn({ err: fail('kube-unreachable', what) }, 'waiting for the Kubernetes API server');
    await pause(backoff(attempt, { minMs: 100, maxMs: 5000 }), signal);
    if (signal.aborted) throw fail('kube-unreachable', what);
  }
}

async function patchStatus(
  { client, signal }: KubernetesSourceOptions,
  served: ServedKind,
  target: Parameters<WriteStatus>[0],
  status: Readonly<Record<string, unknown>>,
): Promise<StatusWriteResult> {
  const namespace = served.scope === 'Cluster' ? '' : target.namespace;
  const object = `${collectionPath(served, namespace)}/${encodeURIComponent(target.name)}`;
  try {
    const answer = await client.call({
      method: 'PATCH',
      path: `${object}/status`,
      query: { fieldManager: 'fleetgate' },
      contentType: 'application/merge-patch+json',
      body: JSON.stringify({ metadata: { resourceVersion: target.resourceVersion }, status }),
      signal,
    });
    const current = parseKubeObject(answer.body, served.apiVersion, served.kind);
    if (answer.status === 200) return { outcome: 'written', current };
    if (answer.status === 404) return { outcome: 'gone' };
    if (answer.status === 409) return { outcome: 'conflict', current: await getObject(client, served, object, signal) };
    const reason = answer.message || `HTTP ${answer.status}`;
    return { outcome: answer.status === 422 || answer.status === 400 ? 'refused' : 'failed', reason };
  } catch (error) {
    return { outcome: 'failed', reason: messageOf(error) };
  }
}

async function getObject(
  client: ApiClient,
  served: ServedKind,
  path: string,
  signal: AbortSignal,
): Promise<KubeObject | null> {
  const answer = await client.call({ path, signal });
  return answer.status === 200 ? parseKubeObject(answer.body, served.apiVersion, served.kind) : null;
}
