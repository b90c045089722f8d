// Records what an engine runs: which stages, at which keys, because of what, how often, for how long, and which outputs
// went on. An engine has a recorder only while somebody asked for the record; without one it does no work for it.

/**
 * Names what made a stage run: a value that it reads has changed, or another stage reads its value for the first time.
 */
export interface Cause {
  readonly type: 'changed' | 'wanted';
  /** Name of the source or stage. */
  readonly name: string;
  readonly key: string;
}

/** Says what became of an output: `same` went no further; nobody reads any more what is `dropped`. */
export type Output = 'new' | 'changed' | 'removed' | 'same' | 'dropped';

/** Tells what one stage did at one key. */
export interface KeyRecord {
  readonly stage: string;
  readonly key: string;
  /** Executions; 0 where the output was only dropped. */
  readonly runs: number;
  /** Time in this stage alone, without that of stages that it made run. */
  readonly ms: number;
  readonly output: Output;
  /** At most eight, in the order in which they came. */
  readonly causes: readonly Cause[];
}

/** Tells what one stage did at all keys. */
export interface StageRecord {
  readonly stage: string;
  /** Executions. */
  readonly runs: number;
  /** Executions whose output was another than before, so that it woke its readers. */
  readonly changed: number;
  /** Outputs that nobody reads any more. */
  readonly dropped: number;
  readonly ms: number;
}

/** Tells what an engine ran. Stages and keys are in the order in which they were first done. */
export interface EngineRecord {
  readonly stages: readonly StageRecord[];
  /** At most ten thousand. */
  readonly keys: readonly KeyRecord[];
  /** What ran or was dropped at keys beyond that, which only the sums of `stages` hold. */
  readonly leftOut: number;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

interface Running {
  readonly stage: string;
  readonly key: string;
  readonly begunAt: number;
  /** Time in stages that this one made run. */
  innerMs: number;
}

const keysMax = 10_000;
const causesMax = 8;

/** Listens to one engine. `now` gives milliseconds, from any beginning. */
export class Recorder {
  readonly #now: () => number;
  readonly #stages = new Map<string, Draft<StageRecord>>();
  readonly #keys = new Map<string, Draft<KeyRecord>>();
  /** Causes of what will run. */
  readonly #causes = new Map<string, Cause[]>();
  readonly #running: Running[] = [];
  readonly #changing: Cause[] = [];
  #leftOut = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Runs what a change of a value wakes; whatever is woken meanwhile is woken by it. */
  changing(name: string, key: string, wake: () => void): void {
    this.#changing.push({ type: 'changed', name, key });
    wake();
    this.#changing.pop();
  }

  /** Notes that a stage will run at a key because of the change that goes on. */
  woken(stage: string, key: string): void {
    const cause = this.#changing.at(-1);
    if (cause !== undefined) this.#because(stage, key, cause);
  }

  /** Notes that a stage runs at a key at once because the stage that runs now reads it. */
  wanted(stage: string, key: string): void {
    const reader = this.#running.at(-1);
    if (reader !== undefined) this.#because(stage, key, { type: 'wanted', name: reader.stage, key: reader.key });
  }

  begin(stage: string, key: string): void {
    this.#running.push({ stage, key, begunAt: this.#now(), innerMs: 0 });
  }

  /** Ends what began last. */
  end(output: Output): void {
    const ended = this.#running.pop();
    if (ended === undefined) return;
    const { stage, key, begunAt, innerMs } = ended;
    const wholeMs = this.#now() - begunAt;
    const outer = this.#running.at(-1);
    if (outer !== undefined) outer.innerMs += wholeMs;
    const sum = this.#sum(stage);
    sum.runs += 1;
    sum.ms += wholeMs - innerMs;
    if (output !== 'same') sum.changed += 1;
    const record = this.#record(stage, key, output);
    if (record === undefined) return;
    record.runs += 1;
    record.ms += wholeMs - innerMs;
    record.output = merge(record.output, output);
  }

  /** Notes that an output is gone because nobody reads it any more. */
  dropped(stage: string, key: string): void {
    this.#sum(stage).dropped += 1;
    const record = this.#record(stage, key, 'dropped');
    if (record !== undefined) record.output = 'dropped';
  }

  /** Tells what was recorded so far. */
  result(): EngineRecord {
    const stages = [...this.#stages.values()].map((stage) => ({ ...stage }));
    const keys = [...this.#keys.values()].map((record) => ({ ...record, causes: [...record.causes] }));
    return { stages, keys, leftOut: this.#leftOut };
  }

  #because(stage: string, key: string, cause: Cause): void {
    const id = idOf(stage, key);
    const causes = this.#keys.get(id)?.causes ?? this.#causes.get(id) ?? [];
    if (causes.length >= causesMax || causes.some(({ name, key: by }) => name === cause.name && by === cause.key))
      return;
    const known = this.#keys.get(id);
    if (known !== undefined) known.causes = [...causes, cause];
    else if (this.#causes.size < keysMax) this.#causes.set(id, [...causes, cause]);
  }

  #sum(stage: string): Draft<StageRecord> {
    let sum = this.#stages.get(stage);
    if (sum === undefined) this.#stages.set(stage, (sum = { stage, runs: 0, changed: 0, dropped: 0, ms: 0 }));
    return sum;
  }

  #record(stage: string, key: string, output: Output): Draft<KeyRecord> | undefined {
    const id = idOf(stage, key);
    const known = this.#keys.get(id);
    if (known !== undefined) return known;
    if (this.#keys.size >= keysMax) {
      this.#leftOut += 1;
      return undefined;
    }
    const record = { stage, key, runs: 0, ms: 0, output, causes: this.#causes.get(id) ?? [] };
    this.#causes.delete(id);
    this.#keys.set(id, record);
    return record;
  }
}

/** Says what became of an output in two executions. */
function merge(first: Output, second: Output): Output {
  if (second === 'same') return first;
  return first === 'new' && second === 'changed' ? 'new' : second;
}

function idOf(stage: string, key: string): string {
  return `${stage}\n${key}`;
}
