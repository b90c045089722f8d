// Says of which change a later fact speaks, and reads that from outside.
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { clusterName, objectName } from '#libs/gateway/fields/names.ts';
import { type WatchedKind, kindInfo } from '#libs/gateway/kinds.ts';

/** What every later fact says of its change. */
export interface FactPlace {
  readonly cluster: string;
  readonly clusterUid: string;
  readonly kind: WatchedKind;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** changeMessageId of the change that it speaks of. */
  readonly change: string;
  /** RFC 3339: when the agent could say so. */
  readonly seenAt: string;
}

const id = { min: 1, max: 253 };
const changeId = { min: 1, max: 1000 };
const objectNameOrNone = {
  max: 253,
  pattern: /^(|(?!\.{1,2}$)[^/%\s\p{Cc}]+)$/u,
  expected: 'a namespace',
};

/** Reads it; what is no watched kind is a problem and gives none. */
export function readFactPlace(at: Cursor): FactPlace | undefined {
  const kind = kindInfo(at.field('kind').requiredText() ?? '');
  if (kind === undefined) return at.field('kind').problem('is not a watched kind');
  return {
    cluster: at.field('cluster').requiredText(clusterName) ?? '',
    clusterUid: at.field('clusterUid').requiredText(id) ?? '',
    kind: kind.kind,
    namespace: at.field('namespace').text(objectNameOrNone) ?? '',
    name: at.field('name').requiredText(objectName) ?? '',
    uid: at.field('uid').requiredText(id) ?? '',
    change: at.field('change').requiredText(changeId) ?? '',
    seenAt: at.field('seenAt').requiredTime() ?? '',
  };
}
