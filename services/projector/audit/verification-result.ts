// Says what a verification of the log of the history came to.

/** Is something that is not what it was. */
export interface Fault {
  /** The event; null = it is about none. */
  readonly seq: number | null;
  /** A sentence. */
  readonly text: string;
}

/** Says of a checkpoint whether the history still has its root. */
export interface Verdict {
  readonly from: string;
  readonly size: number;
  readonly holds: boolean;
}

export interface LogVerification {
  readonly events: number;
  /** Hex. */
  readonly root: string;
  readonly tookMs: number;
  readonly checkpoints: readonly Verdict[];
  /** In the order of the events, the first hundred. */
  readonly faults: readonly Fault[];
  readonly faultCount: number;
}
