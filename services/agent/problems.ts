// Keeps what is wrong at present, in sentences for people: shown in heartbeats, and logged when it comes and goes.
import type { Logger } from '#libs/runtime/log.ts';

const sentencesMax = 100;
const sentenceLengthMax = 1000;

/** Gathers the problems of one agent. */
export class Problems {
  readonly #log: Logger;
  readonly #watchers = new Set<() => void>();
  readonly #sentences = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Takes a sentence about something, or null once it is settled. */
  set(about: string, sentence: string | null): void {
    const before = this.#sentences.get(about);
    if (sentence === (before ?? null)) return;
    if (sentence === null) {
      this.#sentences.delete(about);
      this.#log.info({ about }, 'settled');
    } else {
      this.#sentences.set(about, sentence.slice(0, sentenceLengthMax));
      this.#log[before === undefined ? 'warn' : 'info']({ about }, sentence);
    }
    for (const watcher of this.#watchers) watcher();
  }

  get(about: string): string | undefined {
    return this.#sentences.get(about);
  }

  list(): readonly string[] {
    return [...this.#sentences.values().take(sentencesMax)];
  }

  /** Calls back after each change; returns what ends that. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }
}
