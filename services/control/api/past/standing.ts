// Folds what events say of one Gateway into how it stood: there or not, labels, uid, and whether a rollback held. It
// follows the projection's rules for these; a test holds it against a replay. Pure.
import { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { type GatewayCommand, carriedOut } from '#libs/events/operator-event.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { controllerName } from '#libs/gateway/kinds.ts';

/** An event of a Gateway object, of a command for it, or of its class. */
export interface GatewayStep {
  readonly kind: string;
  readonly seq: string;
  readonly batch: string;
  readonly type: string;
  readonly uid: string;
  readonly data: string;
  /** Of a class. */
  readonly name?: string;
}

export interface Standing {
  /** The Gateway object was there, and of a class of Fleetgate's. */
  readonly present: boolean;
  /** The last ones that counted. */
  readonly labels: Readonly<Record<string, string>>;
  readonly uid: string | null;
  readonly pinned: boolean;
}

interface GatewayObject {
  readonly labels: Readonly<Record<string, string>>;
  readonly uid: string;
  readonly className: string | undefined;
}

const change = z.object({
  object: z
    .looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()).catch({}) }).catch({ labels: {} }),
      spec: z.looseObject({ gatewayClassName: z.string().optional().catch(undefined) }).catch({}),
    })
    .nullable(),
  via: z.string().optional(),
});

/** Reads what an event has of the object. */
export function toObject({ uid, data }: Pick<GatewayStep, 'uid' | 'data'>): GatewayObject {
  const object = changeOf(data)?.object;
  return { uid, labels: object?.metadata.labels ?? {}, className: object?.spec.gatewayClassName };
}

/** Tells whether a class was there after an event of it, and Fleetgate's. */
export function isOwnClass({ type, data }: GatewayStep): boolean {
  const spec = changeOf(data)?.object?.spec;
  return type === 'applied' && isRecord(spec) && spec['controllerName'] === controllerName;
}

/** Tells whether an event ends a pin: a release, or the object is gone or another one than the pinned. */
export function isPinEnd(step: GatewayStep, pinnedUid: string | undefined): boolean {
  if (carriedOutBy(step) === 'release') return true;
  if (step.type === 'applied') return pinnedUid !== undefined && step.uid !== pinnedUid;
  return isSeenDeletion(step);
}

/** Folds every event of the Gateway and of the classes that it named, transaction by transaction. */
export function foldStanding(steps: readonly GatewayStep[], classes: readonly GatewayStep[]): Standing {
  const all = [...steps, ...classes].toSorted((a, b) => (BigInt(a.seq) < BigInt(b.seq) ? -1 : 1));
  const owned = new Map<string, boolean>();
  let object: GatewayObject | undefined;
  let standing: Standing = { present: false, labels: {}, uid: null, pinned: false };
  for (const batch of Map.groupBy(all, (step) => step.batch).values()) {
    for (const step of batch) {
      if (step.kind === 'GatewayClass') owned.set(step.name ?? '', isOwnClass(step));
      else if (step.type === 'applied') object = toObject(step);
      else if (step.type === 'deleted') object = undefined;
    }
    const present = object !== undefined && owned.get(object.className ?? '') === true;
    const { labels, uid } = present && object !== undefined ? object : standing;
    const anew =
      batch.some((step) => step.kind === 'Gateway' && isSeenDeletion(step)) ||
      (standing.uid !== null && uid !== standing.uid);
    const done = batch.flatMap((step) => carriedOutBy(step) ?? []);
    const last = done.findLast((type) => type !== 'accept');
    const pinned = last === undefined ? standing.pinned && !anew : last === 'rollback';
    standing = { present, labels, uid, pinned };
  }
  return standing;
}

/** Says what a command did, also one that another person confirmed; undefined = nothing, or it is no command. */
function carriedOutBy({ kind, type, data }: GatewayStep): GatewayCommand['type'] | undefined {
  if (kind !== 'Gateway' || type === 'applied' || type === 'deleted') return undefined;
  const parsed = parseOperatorEvent(parseJson(data));
  return parsed.ok ? carriedOut(parsed.value)?.type : undefined;
}

/** What a relist missed may be back at once: only a deletion that was seen counts. */
function isSeenDeletion({ type, data }: GatewayStep): boolean {
  return type === 'deleted' && changeOf(data)?.via === 'watch';
}

function changeOf(data: string): z.output<typeof change> | undefined {
  return change.safeParse(parseJson(data)).data;
}
