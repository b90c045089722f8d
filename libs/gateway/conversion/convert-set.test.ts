// Manifests in; what they are in v1, and what has no equivalent, out.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { parseAllDocuments, stringify } from 'yaml';
import { type Converted, convertSet } from './convert-set.ts';
import type { WrittenObject } from './conversion.ts';
import { golden } from '#libs/testing/golden.ts';

const folder = new URL('testdata/', import.meta.url);

void t.test('golden pairs', async (t) => {
  const cases = readdirSync(folder).flatMap((file) =>
    file.endsWith('.in.yaml') ? [file.replace('.in.yaml', '')] : [],
  );
  for (const name of cases.toSorted()) {
    const converted = convertSet(readObjects(readFileSync(new URL(`${name}.in.yaml`, folder), 'utf8')));
    const readable = converted.map(toReadable);
    const text = stringify(readable, { aliasDuplicateObjects: false, lineWidth: 0, singleQuote: true });
    golden(t, new URL(`${name}.out.yaml`, folder), text);
    const objects = converted.flatMap((one) => one.objects);
    const again = convertSet(objects);
    t.same(
      again.flatMap((one) => one.objects),
      objects,
      `${name}: what is v1 stays as it is`,
    );
    // The Ingresses that sent requests to a Service are gone, and with them whoever read its annotations.
    const kept = converted.filter(
      ({ from, objects: [one] }) => one !== undefined && isSame(one, from) && from.kind !== 'Service',
    );
    t.same(
      again.flatMap(({ warnings }) => warnings),
      kept.flatMap(({ warnings }) => warnings),
      `${name}: and there is nothing to warn of but what was handed on as it is`,
    );
  }
});

function toReadable({ from, objects, warnings }: Converted): unknown {
  return { from: `${from.apiVersion} ${from.kind} ${from.metadata.name}`, warnings, objects };
}

function readObjects(yaml: string): readonly WrittenObject[] {
  return parseAllDocuments(yaml).map((document) => document.toJS());
}

function isSame(object: WrittenObject, from: WrittenObject): boolean {
  return object.kind === from.kind && object.apiVersion === from.apiVersion;
}
