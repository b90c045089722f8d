// Keeps secrets in Envoy, TLS material and authorities, each as long as somebody uses it. What Envoy would refuse is
// left out until it is right; who uses a secret asks first whether it is usable, because Envoy waits for one that is
// not there.
import { authoritiesOf, authorityProblem, buildAuthorities, isAuthoritiesName } from '#libs/xds/envoy/authority.ts';
import type { ResourceTable } from './resource-table.ts';
import { buildSecret, type TlsMaterial, tlsProblem } from '#libs/xds/envoy/secret.ts';
import { Users } from './users.ts';

/** What a secret is made of: TLS material, or CA certificates (PEM). */
type SecretItem = ({ readonly kind: 'tls' } & TlsMaterial) | { readonly kind: 'ca'; readonly certificates: string };

export class SecretCompiler {
  readonly #table: ResourceTable;
  /** Discovery key → item. */
  readonly #items = new Map<string, SecretItem>();
  /** Discovery key → why it cannot be served, of those that were asked for; undefined = it can. */
  readonly #verdicts = new Map<string, string | undefined>();
  /** Whoever uses a secret, by secrets' names. */
  readonly #users = new Users();
  /** Secrets by the discovery keys that they are made of. */
  readonly #parts = new Users();
  readonly #touched = new Set<string>();

  constructor(table: ResourceTable) {
    this.#table = table;
  }

  /**
   * Sets or, with undefined, deletes the item of a discovery key. Returns the users of secrets that became or stopped
   * being usable.
   */
  setItem(key: string, item: SecretItem | undefined): readonly string[] {
    const names = [...this.#parts.of(key)];
    const before = names.map((name) => this.isUsable(name));
    this.#verdicts.delete(key);
    if (item === undefined) this.#items.delete(key);
    else this.#items.set(key, item);
    for (const name of names) this.#touched.add(name);
    const turned = names.filter((name, index) => this.isUsable(name) !== before[index]);
    return [...new Set(turned.flatMap((name) => [...this.#users.of(name)]))];
  }

  /**
   * States all secrets that one user uses: keys `tls/…` or names of authorities (authoritiesName); none = it is gone.
   */
  use(user: string, names: ReadonlySet<string>): void {
    this.#users.set(user, names);
    for (const name of this.#users.takeTouched()) {
      this.#parts.set(name, new Set(this.#users.of(name).size === 0 ? [] : keysOf(name)));
      this.#touched.add(name);
    }
  }

  /**
   * Tells whether Envoy has a secret of this name as soon as somebody uses it. Of authorities, one good one is enough.
   */
  isUsable(name: string): boolean {
    return keysOf(name).some((key) => this.problem(key) === undefined);
  }

  /** Says why the item of a discovery key is not served, as the end of a sentence that begins with what it is. */
  problem(key: string): string | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return 'is not there yet';
    if (!this.#verdicts.has(key)) this.#verdicts.set(key, problemOf(item));
    return this.#verdicts.get(key);
  }

  /** Brings the table up to date. */
  update(): void {
    for (const name of this.#touched) {
      const message = this.#users.of(name).size === 0 || !this.isUsable(name) ? undefined : this.#build(name);
      if (message === undefined) this.#table.delete('secret', name);
      else this.#table.set({ type: 'secret', name, message });
    }
    this.#touched.clear();
  }

  #build(name: string): ReturnType<typeof buildSecret> | undefined {
    if (isAuthoritiesName(name)) {
      const bundles = authoritiesOf(name).flatMap((key) => {
        const item = this.problem(key) === undefined ? this.#items.get(key) : undefined;
        return item?.kind === 'ca' ? [item.certificates] : [];
      });
      return buildAuthorities(name, bundles);
    }
    const item = this.#items.get(name);
    return item?.kind === 'tls' ? buildSecret(name, item) : undefined;
  }
}

function keysOf(name: string): readonly string[] {
  return isAuthoritiesName(name) ? authoritiesOf(name) : [name];
}

function problemOf(item: SecretItem): string | undefined {
  return item.kind === 'tls' ? tlsProblem(item) : authorityProblem(item.certificates);
}
