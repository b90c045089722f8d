// Finds which version a gateway served at a moment: a version serves when it is made, unless an earlier one is pinned;
// a release serves the newest. Pure.

/** A version, newest or oldest first. */
interface MadeVersion {
  readonly version: number;
  readonly seq: string;
  readonly at: string;
  readonly cause: string;
}

/** An event of the Gateway's history. */
interface GatewayEvent {
  readonly type: string;
  readonly seq: string;
  readonly recordedAt: string;
}

/** Finds the version; 0 = none was there yet. */
export function servedAt(versions: readonly MadeVersion[], events: readonly GatewayEvent[], at: Date): number {
  const steps = [
    ...versions.map(({ version, seq, at: made, cause }) => ({ seq, at: made, cause, version })),
    ...events
      .filter(({ type }) => type === 'release')
      .map(({ seq, recordedAt }) => ({ seq, at: recordedAt, cause: 'release', version: undefined })),
  ];
  let serving = 0;
  let newest = 0;
  let pinned = false;
  for (const { at: when, cause, version } of steps.toSorted(compareSteps)) {
    if (Date.parse(when) > at.getTime()) break;
    newest = Math.max(newest, version ?? 0);
    if (cause === 'release') pinned = false;
    if (!pinned || cause === 'rollback') serving = newest;
    if (cause === 'rollback') pinned = true;
  }
  return serving;
}

function compareSteps(a: { readonly seq: string; readonly version: number | undefined }, b: typeof a): number {
  const [x, y] = [BigInt(a.seq), BigInt(b.seq)];
  if (x !== y) return x < y ? -1 : 1;
  return (a.version ?? Infinity) - (b.version ?? Infinity);
}
