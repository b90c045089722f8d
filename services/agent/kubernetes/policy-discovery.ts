// Finds out which kinds of policies a cluster serves that belong to other gateways: those known by name, and those
// whose CRDs are labelled as policies (GEP-713). Of CRDs only the metadata are read.
//
//   /apis ─▶ groups ──┐
//   labelled CRDs ────┼─▶ resources of the groups that matter ─▶ kinds in the version that the cluster prefers
//   known by name ────┘
import {
  type ForeignKind,
  foreignPolicies,
  parseForeignKind,
  policyLabel,
  toForeignKind,
} from '#libs/gateway/foreign-kinds.ts';
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import { foreignKindOf } from '#libs/gateway/kinds.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { ApiClient } from './api-client.ts';
import type { ServedKind } from './discovery.ts';
import { listPages } from './list.ts';

/** Says which kinds there are, or why that is not known. */
export type PolicyDiscovery =
  | {
      readonly ok: true;
      readonly served: ReadonlyMap<ForeignKind, ServedKind & { readonly kind: ForeignKind }>;
      /** Why there may be more kinds than those known by name; null = the labels of CRDs could be read. */
      readonly unread: string | null;
    }
  | { readonly ok: false; readonly status: number; readonly message: string };

interface Failure {
  readonly ok: false;
  readonly status: number;
  readonly message: string;
}

/** Names what is looked for in a group: by plural, as CRDs say it, or by kind, as the history does. */
type Wanted = Map<string, Set<string>>;

const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** Every kind is a watch. */
const kindsMax = 200;

/**
 * Asks the cluster which kinds of policies it serves. `expected` are kinds that are looked for where labels cannot be
 * read: the history has objects of them.
 */
export async function discoverPolicies(
  client: ApiClient,
  expected: Iterable<ForeignKind>,
  signal: AbortSignal,
): Promise<PolicyDiscovery> {
  const groups = await readGroups(client, signal);
  if (!groups.ok) return groups;
  const labelled = await readLabelled(client, signal);
  if (!labelled.ok && labelled.status !== 403) return labelled;
  const wanted: Wanted = new Map();
  for (const [group, policies] of foreignPolicies)
    for (const { plural } of policies) want(wanted, groups.versions, group, plural);
  if (labelled.ok) for (const { group, plural } of labelled.crds) want(wanted, groups.versions, group, plural);
  else for (const text of expected) wantKind(wanted, groups.versions, text);
  const served = new Map<ForeignKind, ServedKind & { readonly kind: ForeignKind }>();
  for (const [group, names] of wanted) {
    const failure = await findInGroup(
      client,
      { group, names, versions: groups.versions.get(group) ?? [] },
      served,
      signal,
    );
    if (failure !== null) return failure;
  }
  return { ok: true, served, unread: labelled.ok ? tooMany(served.size) : labelled.message };
}

function tooMany(found: number): string | null {
  return found < kindsMax ? null : `no more than ${kindsMax} kinds of policies are watched`;
}

function want(wanted: Wanted, versions: ReadonlyMap<string, unknown>, group: string, name: string): void {
  if (versions.has(group)) wanted.set(group, (wanted.get(group) ?? new Set()).add(name));
}

function wantKind(wanted: Wanted, versions: ReadonlyMap<string, unknown>, text: ForeignKind): void {
  const found = parseForeignKind(text);
  if (found !== undefined) want(wanted, versions, found.group, found.kind);
}

/** Looks for names in the versions of a group, the preferred one first, until all are found. */
async function findInGroup(
  client: ApiClient,
  {
    group,
    names,
    versions,
  }: { readonly group: string; readonly names: Set<string>; readonly versions: readonly string[] },
  served: Map<ForeignKind, ServedKind & { readonly kind: ForeignKind }>,
  signal: AbortSignal,
): Promise<Failure | null> {
  const missing = new Set(names);
  for (const version of versions) {
    if (missing.size === 0) return null;
    const root = `/apis/${group}/${version}`;
    const answer = await ask(client, root, signal);
    if (!answer.ok && answer.status !== 404) return answer;
    for (const resource of answer.ok ? recordsOf(answer.body['resources']) : []) {
      const { name: plural, kind: text, namespaced } = resource;
      // With a slash it is a subresource.
      if (typeof plural !== 'string' || typeof text !== 'string' || !/^[a-z0-9-]+$/.test(plural)) continue;
      if (!missing.has(plural) && !missing.has(text)) continue;
      missing.delete(plural);
      missing.delete(text);
      const apiVersion = `${group}/${version}`;
      const kind = foreignKindOf({ apiVersion, kind: text }) === undefined ? undefined : toForeignKind(text, group);
      if (kind === undefined || served.has(kind) || served.size >= kindsMax) continue;
      served.set(kind, { kind, apiVersion, scope: namespaced === false ? 'Cluster' : 'Namespaced', root, plural });
    }
  }
  return null;
}

/** Reads which groups there are, each with its versions, the preferred one first. */
async function readGroups(
  client: ApiClient,
  signal: AbortSignal,
): Promise<Failure | { readonly ok: true; readonly versions: ReadonlyMap<string, readonly string[]> }> {
  const answer = await ask(client, '/apis', signal);
  if (!answer.ok) return answer;
  const versions = new Map<string, readonly string[]>();
  for (const group of recordsOf(answer.body['groups'])) {
    const { name, preferredVersion } = group;
    if (typeof name !== 'string') continue;
    const all = [preferredVersion, ...recordsOf(group['versions'])].flatMap((one) =>
      isRecord(one) && typeof one['version'] === 'string' ? [one['version']] : [],
    );
    versions.set(name, [...new Set(all)]);
  }
  return { ok: true, versions };
}

/** Reads the names of the CRDs that are labelled as policies: `<plural>.<group>`. */
async function readLabelled(
  client: ApiClient,
  signal: AbortSignal,
): Promise<
  Failure | { readonly ok: true; readonly crds: readonly { readonly plural: string; readonly group: string }[] }
> {
  const accept = ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'application/json'].join(',');
  const crds: { plural: string; group: string }[] = [];
  for await (const page of listPages(client, { path: crdPath, labelSelector: policyLabel, accept }, signal)) {
    if (page.type === 'failed') return { ok: false, status: page.status, message: `${crdPath}: ${page.message}` };
    for (const item of page.items) {
      const name = isRecord(item) && isRecord(item['metadata']) ? item['metadata']['name'] : undefined;
      const at = typeof name === 'string' ? name.indexOf('.') : -1;
      if (typeof name === 'string' && at > 0) crds.push({ plural: name.slice(0, at), group: name.slice(at + 1) });
    }
  }
  return { ok: true, crds };
}

async function ask(
  client: ApiClient,
  path: string,
  signal: AbortSignal,
): Promise<Failure | { readonly ok: true; readonly body: Readonly<Record<string, unknown>> }> {
  try {
    const { status, body, message } = await client.call({ path, signal });
    if (status === 200 && isRecord(body)) return { ok: true, body };
    return { ok: false, status, message: `${path}: ${message || `HTTP ${status}`}` };
  } catch (error) {
    return { ok: false, status: 0, message: `${path}: ${messageOf(error)}` };
  }
}
