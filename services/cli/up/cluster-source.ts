// Reads what `--cluster` says: `NAME=DIR`, a folder of manifests, or `NAME=kubeconfig:CONTEXT`, a real cluster. Pure.
import { resolve } from 'node:path';

export type ClusterSource = { readonly name: string } & (
  | { readonly type: 'folder'; readonly folder: string }
  | { readonly type: 'kubeconfig'; readonly context: string }
);

type ClusterSourceResult = { readonly source: ClusterSource } | { readonly problem: string };

const prefix = 'kubeconfig:';

/** Reads one value of `--cluster`; folders are made absolute against `cwd`. */
export function parseClusterSource(text: string, cwd: string): ClusterSourceResult {
  const at = text.indexOf('=');
  const name = text.slice(0, Math.max(0, at));
  const where = text.slice(at + 1);
  if (at < 1 || where === '') return { problem: `"${text}" is not NAME=DIR or NAME=kubeconfig:CONTEXT` };
  // A DNS label (RFC 1123), as names and subjects are built of it.
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/u.test(name)) {
    return { problem: `"${name}" cannot name a cluster: lower-case letters, digits and "-", at most 63` };
  }
  if (!where.startsWith(prefix)) return { source: { name, type: 'folder', folder: resolve(cwd, where) } };
  const context = where.slice(prefix.length);
  return context === ''
    ? { problem: `"${text}" names no kubeconfig context` }
    : { source: { name, type: 'kubeconfig', context } };
}

/** Gives the names that are given twice. */
export function repeatedNames(sources: readonly ClusterSource[]): readonly string[] {
  const names = sources.map(({ name }) => name);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}
