// Counts what happens too often to be an event each time (logins that are refused, requests that a role does not allow,
// readings of the history) and notes it for the history, summed up by who, from where and for what. Nobody can fill the
// history with it: beyond a number of sources, all others are one.
import { isIPv6 } from 'node:net';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';

type CountedType = 'logins-refused' | 'requests-denied' | 'history-read';

/** What happened once. */
interface Occurrence extends Pick<DeedEvent, 'actor' | 'subject'> {
  readonly type: CountedType;
  /** The address of the connection. */
  readonly address: string;
}

interface CountedDeedsOptions {
  readonly note: (deeds: readonly DeedEvent[]) => Promise<void>;
  /** Tells the events of this process from others'. */
  readonly replica: string;
  readonly log: Logger;
  readonly now: () => Date;
  readonly everyMs?: number;
}

interface Count extends Pick<DeedEvent, 'actor' | 'subject' | 'from'> {
  readonly type: CountedType;
  times: number;
  readonly since: string;
  until: string;
}

interface Rules {
  /** Sources that are told apart between two events of each. */
  readonly sourcesMax: number;
  /** The least time between two events of one source. */
  readonly everyMs: number;
  readonly outcome: NonNullable<DeedEvent['outcome']>;
  readonly sentence: (times: number, subject: string) => string;
}

const minuteMs = 60_000;
const hourMs = 3_600_000;
const others = 'other addresses';

const rulesOf: Readonly<Record<CountedType, Rules>> = {
  'logins-refused': {
    sourcesMax: 20,
    everyMs: minuteMs,
    outcome: 'denied',
    sentence: (times) => `refused ${counted(times, 'login')} with a token that is unknown or revoked`,
  },
  'requests-denied': {
    sourcesMax: 100,
    everyMs: minuteMs,
    outcome: 'denied',
    sentence: (times, role) =>
      `denied ${counted(times, 'request')} that ${times === 1 ? 'needs' : 'need'} ${needed(role)}`,
  },
  'history-read': {
    sourcesMax: 500,
    everyMs: hourMs,
    outcome: 'success',
    sentence: (times, endpoint) =>
      `read the history ${counted(times, 'time')}${endpoint === '' ? '' : ` by ${endpoint}`}`,
  },
};

export class CountedDeeds {
  readonly #options: CountedDeedsOptions;
  readonly #timer: NodeJS.Timeout;
  #counts = new Map<string, Count>();
  /** When the last event of a source was noted, in milliseconds since 1970. */
  readonly #notedAt = new Map<string, number>();
  #notes = 0;

  constructor(options: CountedDeedsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.everyMs ?? minuteMs).unref();
  }

  count({ type, actor, subject, address }: Occurrence): void {
    const at = this.#options.now().toISOString();
    this.#add({ type, actor, subject, from: sourceOf(address), times: 1, since: at, until: at });
  }

  /** Notes what is due; what Postgres does not take is counted on. */
  async flush(): Promise<void> {
    const now = this.#options.now().getTime();
    const isDue = (key: string, { type }: Count): boolean =>
      now - (this.#notedAt.get(key) ?? Number.NEGATIVE_INFINITY) >= rulesOf[type].everyMs;
    await this.#note([...this.#counts].filter(([key, count]) => isDue(key, count)));
    for (const [key, at] of this.#notedAt) if (now - at >= hourMs) this.#notedAt.delete(key);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#note([...this.#counts]);
  }

  async #note(due: readonly (readonly [key: string, count: Count])[]): Promise<void> {
    if (due.length === 0) return;
    for (const [key] of due) this.#counts.delete(key);
    this.#notes += 1;
    try {
      await this.#options.note(due.map(([, count], index) => this.#toDeed(count, index)));
      const now = this.#options.now().getTime();
      for (const [key] of due) this.#notedAt.set(key, now);
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'what was counted could not be noted yet');
      const since = this.#counts;
      this.#counts = new Map(due);
      for (const count of since.values()) this.#add(count);
    }
  }

  #add(count: Count): void {
    const { sourcesMax } = rulesOf[count.type];
    const known = this.#counts.get(keyOf(count));
    if (known === undefined && this.#sources(count.type) >= sourcesMax)
      return this.#sum({ ...count, actor: null, subject: '', from: others });
    this.#sum(count);
  }

  #sum(count: Count): void {
    const before = this.#counts.get(keyOf(count));
    if (before === undefined) this.#counts.set(keyOf(count), { ...count });
    else {
      before.times += count.times;
      before.until = count.until;
    }
  }

  #sources(type: CountedType): number {
    let sources = 0;
    for (const count of this.#counts.values()) if (count.type === type) sources += 1;
    return sources;
  }

  /** The id names nobody and no address: ids of events are no texts that can be erased. */
  #toDeed({ type, actor, subject, from, times, since, until }: Count, index: number): DeedEvent {
    const { outcome, sentence } = rulesOf[type];
    const id = `${type}:${this.#options.replica}:${this.#notes}.${index}`;
    const reason = `${sentence(times, subject)}, from ${since} to ${until}`;
    return { v: 1, type, id, at: until, actor, from, subject, reason, outcome };
  }
}

function keyOf({ type, actor, subject, from }: Pick<Count, 'type' | 'actor' | 'subject' | 'from'>): string {
  return [type, from, subject, actor?.role ?? '', actor?.name ?? ''].join(':');
}

function counted(times: number, thing: string): string {
  return times === 1 ? `1 ${thing}` : `${times} ${thing}s`;
}

function needed(role: string): string {
  return role === '' ? 'another role' : `the role ${role}`;
}

/** Gives the address, or of IPv6 the network: one sender has as many addresses there as it likes. */
function sourceOf(address: string): string {
  const plain = /^::ffff:([\d.]+)$/i.exec(address)?.[1] ?? address;
  if (plain === '') return 'unknown';
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('%')[0]?.split('::') ?? [];
  const first = head.split(':').filter((part) => part !== '');
  const last = (tail ?? '').split(':').filter((part) => part !== '');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array.from({ length: missing }, () => '0'), ...last];
  return plain === '::1' ? plain : `${groups.slice(0, 4).join(':')}::/64`;
}
