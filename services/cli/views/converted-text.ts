// Shows what older objects are in v1: as YAML with the warnings as comments, or as one JSON list. Pure.
import { stringify } from 'yaml';
import type { Converted } from '#libs/gateway/conversion/convert-set.ts';

/** Writes YAML documents, each after its warnings as comments, or one JSON list. */
export function printConverted(converted: readonly Converted[], output: 'yaml' | 'json'): string {
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

/** Gives a sentence for each thing of an object that has no equivalent. */
export function warningsOf({ from, warnings }: Converted): readonly string[] {
  const { kind, metadata } = from;
  const who = [kind, metadata.namespace ?? '', metadata.name].filter((part) => part !== '').join('/');
  return warnings.map((warning) => `${who}: ${warning}`);
}
