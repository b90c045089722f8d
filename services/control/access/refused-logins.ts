// Counts the logins that are refused, by where they come from, and notes them for the history once a minute: one event
// for each source. Whoever guesses cannot fill the history: beyond a few sources, all others are one.
import { isIPv6 } from 'node:net';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';

interface RefusedLoginsOptions {
  readonly note: (deeds: readonly DeedEvent[]) => Promise<void>;
  /** Tells the events of this process from others'. */
  readonly replica: string;
  readonly log: Logger;
  readonly now: () => Date;
  readonly everyMs?: number;
}

interface Count {
  times: number;
  readonly since: string;
  until: string;
}

const minuteMs = 60_000;
const sourcesMax = 20;
const others = 'other addresses';

export class RefusedLogins {
  readonly #options: RefusedLoginsOptions;
  readonly #timer: NodeJS.Timeout;
  #counts = new Map<string, Count>();
  #noted = 0;

  constructor(options: RefusedLoginsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), options.everyMs ?? minuteMs).unref();
  }

  /** Counts a login with a token that is unknown or revoked. */
  note(address: string): void {
    const at = this.#options.now().toISOString();
    this.#add(sourceOf(address), { times: 1, since: at, until: at });
  }

  /** Notes what was counted; what Postgres does not take is counted on. */
  async flush(): Promise<void> {
    if (this.#counts.size === 0) return;
    const counts = this.#counts;
    this.#counts = new Map();
    this.#noted += 1;
    try {
      await this.#options.note([...counts].map(([source, count], index) => this.#toDeed(source, count, index)));
    } catch (error) {
      this.#options.log.warn({ reason: messageOf(error) }, 'refused logins could not be noted yet');
      const since = this.#counts;
      this.#counts = counts;
      for (const [source, count] of since) this.#add(source, count);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #add(source: string, count: Count): void {
    const known = this.#counts.has(source) || this.#counts.size < sourcesMax;
    const key = known ? source : others;
    const before = this.#counts.get(key);
    if (before === undefined) this.#counts.set(key, { ...count });
    else {
      before.times += count.times;
      before.until = count.until;
    }
  }

  /** The id names no address: ids of events are no texts that can be erased. */
  #toDeed(source: string, { times, since, until }: Count, index: number): DeedEvent {
    const id = `logins-refused:${this.#options.replica}:${this.#noted}.${index}`;
    const logins = times === 1 ? '1 login' : `${times} logins`;
    const reason = `refused ${logins} with a token that is unknown or revoked, from ${since} to ${until}`;
    return { v: 1, type: 'logins-refused', id, at: until, actor: null, from: source, subject: '', reason };
  }
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
