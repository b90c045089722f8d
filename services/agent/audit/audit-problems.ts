// Turns what goes wrong with the audit into sentences for the heartbeat: silence while changes happen, strangers, and
// what was given up. Each settles by itself when it has not been seen for a while.

interface AuditProblemsOptions {
  readonly set: (about: string, sentence: string | null) => void;
  readonly now: () => number;
  /** How long a change may go without any audit event. */
  readonly silenceMs: number;
}

/** After this time without a repetition a problem is settled. */
const settledAfterMs = 600_000;

/** Watches what is received and what is changed. */
export class AuditProblems {
  readonly #options: AuditProblemsOptions;
  #receivedMs: number | undefined;
  /** Changes since something was received, and when the first of them was. */
  #unheard = { changes: 0, sinceMs: 0 };
  #strangers = { calls: 0, from: '', lastMs: 0 };
  #dropped = { items: 0, lastMs: 0 };
  #claims = 0;
  #vague = 0;

  constructor(options: AuditProblemsOptions) {
    this.#options = options;
  }

  get silentMs(): number | undefined {
    return this.#receivedMs === undefined ? undefined : this.#options.now() - this.#receivedMs;
  }

  /** Something was received; `vague` = it names no version. */
  received(what: 'claim' | 'vague' | 'other'): void {
    this.#receivedMs = this.#options.now();
    this.#unheard = { changes: 0, sinceMs: 0 };
    if (what === 'claim') this.#claims += 1;
    if (what === 'vague') this.#vague += 1;
  }

  changed(): void {
    const { changes, sinceMs } = this.#unheard;
    this.#unheard = { changes: changes + 1, sinceMs: changes === 0 ? this.#options.now() : sinceMs };
  }

  refused(from: string): void {
    this.#strangers = { calls: this.#strangers.calls + 1, from, lastMs: this.#options.now() };
  }

  dropped(items: number): void {
    this.#dropped = { items: this.#dropped.items + items, lastMs: this.#options.now() };
  }

  /** Says what is wrong now. To be called regularly. */
  check(): void {
    const { set, silenceMs, now } = this.#options;
    const { changes, sinceMs } = this.#unheard;
    const isSilent = changes > 0 && now() - sinceMs > silenceMs;
    const last = this.#receivedMs === undefined ? 'ever' : `since ${new Date(this.#receivedMs).toISOString()}`;
    set(
      'audit silence',
      isSilent
        ? `no audit event was received ${last}, though the cluster changed: who changes it is not known. ` +
            'Look at the flags --audit-… of its API servers and at `apiserver_audit_error_total`.'
        : null,
    );
    const { calls, from, lastMs } = this.#strangers;
    set(
      'audit strangers',
      this.#isRecent(lastMs)
        ? `${calls} calls to the receiver of audit events were refused, the last from ${from}: ` +
            'who made them is not known by token or certificate.'
        : null,
    );
    set(
      'audit dropped',
      this.#isRecent(this.#dropped.lastMs)
        ? `${this.#dropped.items} audit events or changes were given up for want of room: their authors stay unknown.`
        : null,
    );
    set(
      'audit policy',
      this.#vague > 0 && this.#claims === 0
        ? 'the audit events name no versions: the audit policy must record routes at level RequestResponse.'
        : null,
    );
  }

  #isRecent(lastMs: number): boolean {
    return lastMs > 0 && this.#options.now() - lastMs < settledAfterMs;
  }
}
