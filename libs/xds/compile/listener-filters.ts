// Keeps what runs on every request of a listener before its rules are asked (GEP-5224): the clusters of the services
// that it asks, and Envoy's filters, compiled once while the listener and its services stay as they are.
import { authFilters, type AuthFilters, authProtocol, authUses } from '#libs/xds/envoy/external-auth.ts';
import type { BackendCompiler } from './backend-compiler.ts';
import type { PortListener, PortModel } from './port-model.ts';

export class ListenerFilters {
  readonly #backends: BackendCompiler;
  /** Those with filters, by their id as users. */
  readonly #listeners = new Map<string, PortListener>();
  readonly #compiled = new Map<string, AuthFilters>();

  constructor(backends: BackendCompiler) {
    this.#backends = backends;
  }

  /** Sets or, with undefined, deletes a listener. Returns the keys of the backends that it asks. */
  set(gateway: string, key: string, listener: PortListener | undefined): readonly string[] {
    const id = userOf(gateway, key);
    const filters = listener?.entry.filters ?? [];
    this.#compiled.delete(id);
    if (listener === undefined || filters.length === 0) this.#listeners.delete(id);
    else this.#listeners.set(id, listener);
    const uses = authUses(filters);
    this.#backends.setUses(id, gateway, uses);
    return uses.map((use) => use.key);
  }

  /** A backend of this user is another now; returns the listener, if the user is one. */
  touchUser(user: string): PortListener | undefined {
    const listener = this.#listeners.get(user);
    if (listener === undefined) return undefined;
    this.#compiled.delete(user);
    this.#backends.setUses(user, listener.gateway, authUses(listener.entry.filters ?? []));
    return listener;
  }

  /** Gives what runs on requests of a listener hostname, or why all of them are answered 500; undefined = nothing. */
  at(model: PortModel, hostname: string): AuthFilters | undefined {
    const [leader] = model.at(hostname);
    return leader === undefined ? undefined : this.#of(leader);
  }

  /** Says why requests of listeners are answered 500. */
  problems(): readonly { readonly gateway: string; readonly key: string; readonly reason: string }[] {
    return [...this.#listeners.values()].flatMap((listener) => {
      const made = this.#of(listener);
      const { gateway, key } = listener;
      return made !== undefined && 'problem' in made ? [{ gateway, key, reason: `${made.problem}: answers 500` }] : [];
    });
  }

  #of({ gateway, key, entry }: PortListener): AuthFilters | undefined {
    const { filters = [] } = entry;
    if (filters.length === 0) return undefined;
    const id = userOf(gateway, key);
    const known = this.#compiled.get(id);
    if (known !== undefined) return known;
    const made = authFilters(
      filters,
      (backend, protocol) => this.#backends.clusterOf(gateway, backend, authProtocol(protocol)),
      { place: 'before-routing' },
    );
    this.#compiled.set(id, made);
    return made;
  }
}

/** Says how a listener is called as a user of backends. */
export function userOf(gateway: string, key: string): string {
  return `listener ${gateway} ${key}`;
}
