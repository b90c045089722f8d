// Declares what a conversion to the Gateway API's v1 gives, and looks into objects that nobody has checked. What it
// cannot read it hands on as it is: the readers of v1 say what is wrong with it.
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** An object as people write it. */
export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface Conversion {
  /** Of v1, in the order in which they are applied. */
  readonly objects: readonly WrittenObject[];
  /** What has no equivalent and is left out, or is another thing in v1. */
  readonly warnings: readonly string[];
}

/** `namespace/name`, and what it is in. */
export interface Place {
  readonly namespace: string;
  readonly name: string;
}

export const v1 = `${gatewayGroup}/v1`;

/** Gives the fields of what should be an object. */
export function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

/** Gives the items of what should be a list. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Gives the text that should be there. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** Gives the strings of what should be a map of them. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  const strings = Object.entries(fieldsOf(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(strings);
}

/** Converts the items of a list; what is no list stays what it is. */
export function mapItems(value: unknown, convert: (item: Fields, index: number) => unknown): unknown {
  return Array.isArray(value)
    ? value.map((item: unknown, index) => (isRecord(item) ? convert(item, index) : item))
    : value;
}

/** Gives the fields that have a value. */
export function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));
}

/** Gives labels and annotations for an object that is converted; what tools wrote about the old object stays behind. */
export function keptMetadata(object: WrittenObject): Pick<WrittenObject['metadata'], 'labels' | 'annotations'> {
  const labels = stringsOf(object.metadata.labels);
  const annotations = Object.fromEntries(
    Object.entries(stringsOf(object.metadata.annotations)).filter(
      ([key]) => !leftBehind.has(key) && !/(^|\.)cert-manager\.io\//.test(key),
    ),
  );
  return {
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** Gives a reference of Service APIs 0.1, which called the core group `core`. */
export function toReference(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { group, kind, ...rest } = value;
  return present({
    ...rest,
    group: group === 'core' || group === '' ? undefined : group,
    kind: kind === '' ? undefined : kind,
  });
}

const leftBehind: ReadonlySet<string> = new Set([
  'kubernetes.io/tls-acme',
  'kubectl.kubernetes.io/last-applied-configuration',
  'kubernetes.io/ingress.class',
]);

/**
 * Gives a pattern for Host: one label where the wildcard is. In v1 a wildcard stands for any number of labels, before
 * it stood for one.
 */
export function oneLabelHost(wildcard: string): {
  readonly type: string;
  readonly name: string;
  readonly value: string;
} {
  const suffix = wildcard.slice(2).replaceAll('.', String.raw`\.`);
  return { type: 'RegularExpression', name: 'Host', value: String.raw`(?i)[^.:]+\.${suffix}(:[0-9]+)?` };
}

/** Tells whether a hostname is a wildcard that can be given a pattern. */
export function isWildcard(hostname: unknown): hostname is string {
  return typeof hostname === 'string' && /^\*\.[-.a-z0-9]+$/.test(hostname);
}
