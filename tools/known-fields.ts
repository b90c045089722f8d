// Prints services/cli/manifests/known-fields.ts: the names of all fields of the kinds that Fleetgate reads, from the
// CRDs of the Gateway API and Service APIs (Go modules), and from the Kubernetes client for the other kinds.
//   node tools/known-fields.ts > services/cli/manifests/known-fields.ts
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as client from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kinds, kubernetesKind } from '#libs/gateway/kinds.ts';
import { compareText } from '#libs/gateway/compare-text.ts';

/** Names of fields; null = what it holds is not looked at. */
interface Fields {
  readonly [name: string]: Fields | null;
}

/** Clusters have CRDs of either version of the Gateway API: a field of one of them is known. */
const crdFolders = [
  ['sigs.k8s.io/gateway-api@v1.7.0', 'config/crd/experimental'],
  ['sigs.k8s.io/gateway-api@v1.6.3', 'config/crd/experimental'],
  ['sigs.k8s.io/gateway-api@v0.1.0', 'config/crd/bases'],
] as const;

const head = `// Holds the names of all fields of the kinds that Fleetgate reads, as their schemas have them:
// Gateway API v1.6.3 and v1.7.0 (experimental), Service APIs v0.1.0, Kubernetes by its client. Made by
// tools/known-fields.ts. A line begins with version and kind; braces follow a name whose own fields are known. All
// share the metadata.
`;
const widthMax = 118;

const moduleRecord = z.object({ Dir: z.string() });
const crd = z.object({
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    validation: z.object({ openAPIV3Schema: z.unknown() }).optional(),
    versions: z.array(z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: z.unknown() }).optional() })),
  }),
});

const ofCrds = crdFolders.flatMap(([module, folder]) =>
  globSync(join(moduleFolder(module), folder, '*.yaml')).flatMap((file) =>
    parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document) => {
      const read = crd.safeParse(document.toJS());
      if (!read.success) return [];
      const { group, names, versions, validation } = read.data.spec;
      return versions.map(({ name, schema }): readonly [string, Fields | null] => [
        `${group}/${name} ${names.kind}`,
        ofSchema((schema ?? validation)?.openAPIV3Schema),
      ]);
    }),
  ),
);
const ofClient = kinds.flatMap(({ kind, group, versions }) => {
  const isOfClient = group === '' || group.endsWith('.k8s.io');
  const fields = isOfClient ? (ofModel(`V1${kind}`) ?? ofModel(`V1beta1${kind}`)) : null;
  return fields === null
    ? []
    : versions.map((version) => [[group, version].filter(Boolean).join('/') + ` ${kind}`, fields] as const);
});

const read = new Map<string, Fields | null>(ofClient);
for (const [name, fields] of ofCrds) read.set(name, together(read.get(name) ?? null, fields));
const wanted = kinds.flatMap(({ kind, group, versions }) =>
  versions.map((version) => `${[group, version].filter(Boolean).join('/')} ${kubernetesKind(kind)}`),
);
const lines = wanted.toSorted(compareText).map((name) => {
  const fields = read.get(name);
  if (fields === undefined || fields === null) throw new Error(`${name} has no schema`);
  return `${name} ${text({ ...fields, metadata: null, status: null })}`;
});
const metadata = `metadata ${text(ofModel('V1ObjectMeta') ?? {})}`;
process.stdout.write(`${head}export const knownFields = \`\n${[metadata, ...lines].map(wrapped).join('\n')}\n\`;\n`);

function moduleFolder(module: string): string {
  const output = execFileSync('go', ['mod', 'download', '-json', module], { cwd: tmpdir() }).toString();
  return moduleRecord.parse(JSON.parse(output)).Dir;
}

function ofSchema(schema: unknown): Fields | null {
  if (!isRecord(schema) || schema['x-kubernetes-preserve-unknown-fields'] === true) return null;
  if (isRecord(schema['items'])) return ofSchema(schema['items']);
  const { properties } = schema;
  if (!isRecord(properties)) return null;
  return Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, ofSchema(inner)]));
}

/** Gives the fields of both; null = what it holds is not looked at. */
function together(a: Fields | null, b: Fields | null): Fields | null {
  if (a === null || b === null) return a ?? b;
  const merged = new Map(Object.entries(a));
  for (const [name, inner] of Object.entries(b)) merged.set(name, together(merged.get(name) ?? null, inner));
  return Object.fromEntries(merged);
}

function ofModel(name: string): Fields | null {
  const model: unknown = Object.entries(client).find(([key]) => key === name)?.[1];
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return null;
  const { getAttributeTypeMap } = model;
  const attributes: unknown = typeof getAttributeTypeMap === 'function' ? getAttributeTypeMap.call(model) : [];
  if (!Array.isArray(attributes)) return null;
  return Object.fromEntries(
    attributes
      .filter(isRecord)
      .map(({ baseName, type }) => [String(baseName), ofModel(String(type).replace(/^Array<(.*)>$/, '$1'))]),
  );
}

function text(fields: Fields): string {
  const parts = Object.entries(fields)
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([name, inner]) => (inner === null ? name : `${name} ${text(inner)}`));
  return `{ ${parts.join(' ')} }`;
}

function wrapped(line: string): string {
  const rows: string[] = [];
  for (const word of line.split(' ')) {
    const last = rows.at(-1);
    if (last !== undefined && last.length + word.length < widthMax) rows[rows.length - 1] = `${last} ${word}`;
    else rows.push(rows.length === 0 ? word : `  ${word}`);
  }
  return rows.join('\n');
}
