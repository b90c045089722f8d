// Counts who uses what: a thing is there as long as it has a user.

export class Users {
  readonly #users = new Map<string, Set<string>>();
  readonly #used = new Map<string, ReadonlySet<string>>();
  readonly #touched = new Set<string>();

  /** States all that one user uses; nothing = it is gone. */
  set(user: string, things: ReadonlySet<string>): void {
    const before = this.#used.get(user) ?? new Set();
    for (const thing of before) if (!things.has(thing)) this.#remove(user, thing);
    for (const thing of things) if (!before.has(thing)) this.#add(user, thing);
    if (things.size === 0) this.#used.delete(user);
    else this.#used.set(user, things);
  }

  /** Gives the users of a thing. */
  of(thing: string): ReadonlySet<string> {
    return this.#users.get(thing) ?? new Set();
  }

  /** Gives the things that got their first user or lost their last since the last call. */
  takeTouched(): readonly string[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched;
  }

  #add(user: string, thing: string): void {
    const users = this.#users.get(thing);
    if (users !== undefined) {
      users.add(user);
      return;
    }
    this.#users.set(thing, new Set([user]));
    this.#touched.add(thing);
  }

  #remove(user: string, thing: string): void {
    const users = this.#users.get(thing);
    users?.delete(user);
    if (users?.size !== 0) return;
    this.#users.delete(thing);
    this.#touched.add(thing);
  }
}
