// Tells the watches of one API server about each other: when one of them gets through again, the others stop waiting;
// and a server that is away or overloaded is one problem, not one per watch.
import { pause } from '#libs/runtime/pause.ts';

/** Says what is wrong with a watch. */
export interface WatchProblem {
  /** HTTP status; 0 = no connection. */
  readonly status: number;
  readonly sentence: string;
}

/** Gathers how the watches of one API server fare. */
export class Reachability {
  readonly #onProblem: (about: string, sentence: string | null) => void;
  readonly #away = new Map<string, string>();
  #restored = new AbortController();

  constructor(onProblem: (about: string, sentence: string | null) => void) {
    this.#onProblem = onProblem;
  }

  /** Waits for the time, the signal, or the news that the server answers again: then patience starts anew. */
  async wait(ms: number, signal: AbortSignal): Promise<'waited' | 'restored'> {
    const restored = this.#restored.signal;
    await pause(ms, AbortSignal.any([signal, restored]));
    // Not all at the same moment.
    if (!restored.aborted) return 'waited';
    await pause(Math.random() * Math.min(ms, 100), signal);
    return 'restored';
  }

  /** Takes note of what is wrong with a watch; null = it works. */
  report(about: string, problem: WatchProblem | null): void {
    if (problem !== null && isAway(problem.status)) {
      this.#away.set(about, problem.sentence);
    } else {
      this.#onProblem(about, problem?.sentence ?? null);
      if (!this.#away.delete(about)) return;
      this.#restored.abort();
      this.#restored = new AbortController();
    }
    const [sentence] = this.#away.values();
    const others = this.#away.size - 1;
    const text = others > 0 ? `${sentence} (and so ${others} more)` : sentence;
    this.#onProblem('API server', text ?? null);
  }

  /** Forgets a watch that is over for good. */
  forget(about: string): void {
    this.report(about, null);
  }
}

/** Tells a server that is away (no connection, too many requests, a fault of its own) from one that says no. */
function isAway(status: number): boolean {
  return status === 0 || status === 429 || status >= 500;
}
