// Reads one file of manifests: YAML or JSON, several documents, List kinds. Mistakes are sentences with file and line.
import { LineCounter, type ParsedNode, isCollection, isMap, isSeq, parseAllDocuments } from 'yaml';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { toForeignKind } from '#libs/gateway/foreign-kinds.ts';
import { isForeignPolicy } from '#libs/gateway/foreign-policy.ts';
import { type KindInfo, type WatchedKind, kindInfo, kindInfoOf } from '#libs/gateway/kinds.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';

/** Holds one object of a file, as its author wrote it. */
export interface Manifest {
  readonly kind: WatchedKind;
  readonly apiVersion: string;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Everything but apiVersion, kind, metadata and status. */
  readonly content: Readonly<Record<string, unknown>>;
  readonly line: number;
  /** `metadata.creationTimestamp`, which exported objects carry; RFC 3339. */
  readonly createdAt?: string;
}

/** Holds what one file says, and what is wrong with it. */
export interface ParsedFile {
  readonly manifests: readonly Manifest[];
  /** `file:line: message`. */
  readonly problems: readonly string[];
  /** Kinds that Fleetgate does not read. */
  readonly ignored: readonly string[];
}

const objectsPerFileMax = 20_000;
const problemsMax = 20;
const copiedSpec = 'kubectl.kubernetes.io/last-applied-configuration';

// RFC 1123 subdomain and label, as an API server demands.
const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const bundleNamePattern = /^[A-Za-z0-9]([-A-Za-z0-9._:]{0,251}[A-Za-z0-9])?$/;
const namespacePattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Reads every good object of a file, and every mistake; `file` is the name to say. */
export function parseManifestFile(text: string, file: string): ParsedFile {
  const lines = new LineCounter();
  const manifests = new Map<string, Manifest>();
  const problems: string[] = [];
  const ignored = new Set<string>();
  const complain = (line: number, message: string): void => {
    if (problems.length < problemsMax) problems.push(`${file}:${line}: ${message}`);
  };
  const documents = parseAllDocuments(text, { lineCounter: lines, merge: true });
  for (const document of Array.isArray(documents) ? documents : []) {
    for (const error of document.errors) complain(lines.linePos(error.pos[0]).line, firstLine(error.message));
    if (document.errors.length > 0 || document.contents === null) continue;
    for (const [node, value] of objectsOf(document.contents, toPlain(document, complain))) {
      const line = lines.linePos(node.range[0]).line;
      const read = readManifest(value, line);
      if (typeof read === 'string') {
        complain(line, read);
      } else if ('ignored' in read) {
        ignored.add(read.ignored);
      } else {
        const before = manifests.get(toLocalKey(read));
        if (before !== undefined) complain(line, `${read.kind} ${read.name} is also in line ${before.line}`);
        else if (manifests.size >= objectsPerFileMax)
          complain(line, `there are more than ${objectsPerFileMax} objects`);
        else manifests.set(toLocalKey(read), read);
      }
    }
  }
  return { manifests: [...manifests.values()], problems, ignored: [...ignored] };
}

function toPlain(
  document: { toJS(options: { maxAliasCount: number }): unknown },
  complain: (line: number, message: string) => void,
): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    complain(1, error instanceof Error ? error.message : 'the document cannot be read');
    return null;
  }
}

/** Yields the objects of a document with their nodes: itself, or the items of a List. */
function* objectsOf(node: ParsedNode, value: unknown): Generator<readonly [ParsedNode, unknown]> {
  if (value === null || value === undefined) return;
  const items =
    isRecord(value) && typeof value['kind'] === 'string' && value['kind'].endsWith('List') ? value['items'] : null;
  if (!Array.isArray(items) || !isMap(node)) {
    yield [node, value];
    return;
  }
  const itemNodes = node.get('items', true);
  for (const [index, item] of items.entries()) {
    const itemNode: unknown = isSeq(itemNodes) ? itemNodes.items[index] : node;
    yield [isParsed(itemNode) ? itemNode : node, item];
  }
}

function isParsed(node: unknown): node is ParsedNode {
  return isCollection(node) && Array.isArray(node.range);
}

function readManifest(value: unknown, line: number): Manifest | string | { readonly ignored: string } {
  if (!isRecord(value)) return 'this is no Kubernetes object';
  const { apiVersion, kind, metadata, status: _status, ...content } = value;
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return 'apiVersion and kind are needed';
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  const info = kindInfoOf({ apiVersion, kind }) ?? policyInfo(kind, group, content['spec']);
  if (info === undefined) return { ignored: `${kind}.${apiVersion}` };
  if (info.versions.length > 0 && !info.versions.includes(version)) {
    return `${kind}: ${apiVersion} is not read; use ${[group, info.versions[0]].filter(Boolean).join('/')}`;
  }
  if (!isRecord(metadata)) return `${kind}: metadata is needed`;
  const identity = readIdentity(info, metadata);
  if (typeof identity === 'string') return `${kind}: ${identity}`;
  const labels = readStrings(metadata['labels']);
  const annotations = readStrings(metadata['annotations']);
  const what = `${kind} ${identity.name}`;
  if (labels === null) return `${what}: metadata.labels must be a map of strings (quote numbers and booleans)`;
  if (annotations === null)
    return `${what}: metadata.annotations must be a map of strings (quote numbers and booleans)`;
  const { [copiedSpec]: _copy, ...ownAnnotations } = annotations;
  return {
    kind: info.kind,
    apiVersion,
    ...identity,
    labels: kind === 'Namespace' ? { ...labels, 'kubernetes.io/metadata.name': identity.name } : labels,
    annotations: ownAnnotations,
    content: kind === 'Secret' ? withStringData(content) : content,
    line,
    ...createdAt(metadata['creationTimestamp']),
  };
}

/** Gives what is known of the kind of a policy that another gateway serves; undefined for what is none. */
function policyInfo(kind: string, group: string, spec: unknown): ReturnType<typeof kindInfo> {
  const name = isForeignPolicy({ group, kind, spec }) ? toForeignKind(kind, group) : undefined;
  return name && kindInfo(name);
}

function createdAt(value: unknown): Pick<Manifest, 'createdAt'> {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value) ? { createdAt: value } : {};
}

/** A policy of another gateway is taken for namespaced, as nearly all are. */
function readIdentity(
  info: KindInfo,
  metadata: Readonly<Record<string, unknown>>,
): { readonly namespace: string; readonly name: string } | string {
  const { name, namespace } = metadata;
  if (typeof name !== 'string' || name === '') return 'metadata.name is needed';
  const pattern = info.kind === 'ClusterTrustBundle' ? bundleNamePattern : namePattern;
  if (!pattern.test(name)) return `metadata.name ${JSON.stringify(name)} is no valid name (RFC 1123)`;
  if (info.scope === 'Cluster') {
    return namespace === undefined || namespace === null
      ? { namespace: '', name }
      : 'it belongs to no namespace; remove metadata.namespace';
  }
  const within = namespace ?? 'default';
  if (typeof within !== 'string' || !namespacePattern.test(within)) {
    return `metadata.namespace ${JSON.stringify(within)} is no valid name (RFC 1123)`;
  }
  return { namespace: within, name };
}

function readStrings(value: unknown): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) return null;
  const strings: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') return null;
    strings[key] = text;
  }
  return strings;
}

/** Writes stringData into data, as an API server does. */
function withStringData(content: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { stringData, ...rest } = content;
  if (!isRecord(stringData)) return rest;
  const data: Record<string, unknown> = isRecord(rest['data']) ? { ...rest['data'] } : {};
  for (const [key, text] of Object.entries(stringData)) {
    if (typeof text === 'string') data[key] = Buffer.from(text, 'utf8').toString('base64');
  }
  return { ...rest, data };
}

function firstLine(message: string): string {
  return message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? message;
}
