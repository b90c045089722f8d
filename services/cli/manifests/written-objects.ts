// Reads the objects of manifests as they were written, of any API: from files, folders and standard input.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, parseAllDocuments } from 'yaml';
import type { WrittenObject } from '#libs/gateway/conversion/conversion.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { scanFolder } from '../../agent/folder/file-tree.ts';

/** Reads every object of the paths, `-` being standard input. Throws FleetgateError 'file' where one cannot be read. */
export async function readObjects(paths: readonly string[]): Promise<readonly WrittenObject[]> {
  const files = await Promise.all(paths.map(readPath));
  return files.flat().flatMap(({ file, text }) => parseObjects(file, text));
}

/** Reads the objects of a file's text. Throws FleetgateError 'file' where it cannot be read as manifests. */
export function parseObjects(file: string, text: string): readonly WrittenObject[] {
  const documents = parseAllDocuments(text, { merge: true });
  return (Array.isArray(documents) ? documents : []).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw fail('file', `${file}: ${error.message}`);
    // A document that is empty or only comments, as templates leave them, holds nothing.
    if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) return [];
    if (!isMap(document.contents)) throw fail('file', `${file}: a document is no Kubernetes object`);
    return objectsOf(document.toJS({ maxAliasCount: 100 }), file);
  });
}

function objectsOf(value: unknown, file: string): readonly WrittenObject[] {
  if (
    isRecord(value) &&
    typeof value['kind'] === 'string' &&
    value['kind'].endsWith('List') &&
    Array.isArray(value['items'])
  ) {
    return value['items'].flatMap((item: unknown) => objectsOf(item, file));
  }
  if (!isWritten(value)) throw fail('file', `${file}: an object has no apiVersion, kind or metadata.name`);
  const { status: _status, ...object } = value;
  return isWritten(object) ? [object] : [];
}

function isWritten(value: unknown): value is WrittenObject {
  if (!isRecord(value) || typeof value['apiVersion'] !== 'string' || typeof value['kind'] !== 'string') return false;
  const metadata = value['metadata'];
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string') return false;
  return metadata['namespace'] === undefined || typeof metadata['namespace'] === 'string';
}

async function readPath(path: string): Promise<readonly { readonly file: string; readonly text: string }[]> {
  if (path === '-') return [{ file: 'stdin', text: readText(0, 'stdin') }];
  const found = await scanFolder(path);
  if (found === null) return [{ file: path, text: readText(path, path) }];
  const files = [...found.keys()].toSorted().map((file) => join(path, file));
  return files.map((file) => ({ file, text: readText(file, file) }));
}

function readText(file: string | number, name: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fail('file', `${name} (${messageOf(error)})`, { cause: error });
  }
}
