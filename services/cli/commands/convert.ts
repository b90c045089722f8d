// `fleetgate convert`: manifests of older APIs → the Gateway API's v1, on stdout; on stderr what has no equivalent.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { isMap, isScalar, parseAllDocuments, stringify } from 'yaml';
import { type Converted, convertSet } from '#libs/gateway/conversion/convert-set.ts';
import type { WrittenObject } from '#libs/gateway/conversion/conversion.ts';
import { isRecord } from '#libs/gateway/fields/cursor.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { scanFolder } from '../../agent/folder/file-tree.ts';

interface ConvertOptions {
  readonly output: 'yaml' | 'json';
  readonly strict?: boolean;
}

/** Adds arguments, options and action. */
export function configureConvert(command: Command): void {
  command
    .description(
      'Converts Ingress, IngressClass and everything of networking.x-k8s.io/v1alpha1 (Service APIs 0.1) to gateway.networking.k8s.io/v1.\n' +
        'What is v1 already, and what is no routing, is printed as it is. Give all files that belong together at once:\n' +
        'labels decide which Gateway serves an old route, and Services know the numbers of named ports.',
    )
    .argument('<file...>', 'files or folders of manifests; - is stdin')
    .addOption(new Option('-o, --output <format>').choices(['yaml', 'json']).default('yaml'))
    .option('--strict', 'exit with 1 where something has no equivalent')
    .action(async (paths: readonly string[], options: ConvertOptions) => {
      const files = await Promise.all(paths.map(readPath));
      const converted = convertSet(files.flat().flatMap(({ file, text }) => parseObjects(file, text)));
      process.stdout.write(printConverted(converted, options.output));
      const warnings = converted.flatMap(warningsOf);
      for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
      if (options.strict === true && warnings.length > 0) process.exitCode = 1;
    });
}

/** YAML documents, each after its warnings as comments, or one JSON list. */
export function printConverted(converted: readonly Converted[], output: ConvertOptions['output']): string {
  if (output === 'json') {
    const items = converted.flatMap(({ objects }) => objects);
    return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, null, 2)}\n`;
  }
  const documents = converted.flatMap((one) => {
    const comments = warningsOf(one).map((warning) => `# warning: ${warning.replaceAll(/[\r\n]+/g, ' ')}\n`);
    const texts = one.objects.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }));
    const [first = '', ...others] = texts;
    const head = comments.join('') + first;
    return head === '' ? [] : [head, ...others];
  });
  return documents.join('---\n');
}

/** The objects of a file. Throws FleetgateError 'file' where it cannot be read as manifests. */
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

function warningsOf({ from, warnings }: Converted): readonly string[] {
  const { kind, metadata } = from;
  const who = [kind, metadata.namespace ?? '', metadata.name].filter((part) => part !== '').join('/');
  return warnings.map((warning) => `${who}: ${warning}`);
}
