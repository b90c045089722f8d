// Indexes the rules of streams by the listeners and hostnames that they are attached to, and says which one has a
// hostname: that of the route with the most specific hostname, then the oldest route's.
import { compareStreamRules } from '#libs/snapshot/precedence.ts';
import type { StreamRuleEntry } from '#libs/snapshot/entry.ts';
import type { PortModel } from './port-model.ts';
import { isHostname } from './route-index.ts';

export interface StreamRule {
  readonly gateway: string;
  /** Entry key. */
  readonly key: string;
  readonly entry: StreamRuleEntry;
}

export class StreamIndex {
  /** Gateway and listener name → hostname → rules, whether or not the listener is there. */
  readonly #attached = new Map<string, Map<string, Set<StreamRule>>>();

  add(rule: StreamRule): void {
    for (const { listener, hostname } of placesOf(rule)) {
      const id = listenerId(rule.gateway, listener);
      const attached = this.#attached.get(id) ?? new Map<string, Set<StreamRule>>();
      this.#attached.set(id, attached);
      const rules = attached.get(hostname) ?? new Set();
      attached.set(hostname, rules.add(rule));
    }
  }

  delete(rule: StreamRule): void {
    for (const { listener, hostname } of placesOf(rule)) {
      const id = listenerId(rule.gateway, listener);
      const attached = this.#attached.get(id);
      const rules = attached?.get(hostname);
      rules?.delete(rule);
      if (rules?.size === 0) attached?.delete(hostname);
      if (attached?.size === 0) this.#attached.delete(id);
    }
  }

  /** Gives the hostnames that rules have on the stream listeners of a port. */
  hostnamesAt(model: PortModel): ReadonlySet<string> {
    const found = new Set<string>();
    for (const owner of model.hostnames()) {
      for (const { gateway, entry } of model.at(owner)) {
        for (const hostname of this.#attached.get(listenerId(gateway, entry.name))?.keys() ?? [])
          if (model.ownerOf(hostname) === owner) found.add(hostname);
      }
    }
    return found;
  }

  /**
   * Gives the rule that has a hostname of a port: the first of those on the listeners that the hostname belongs to.
   */
  ruleAt(model: PortModel, hostname: string): StreamRule | undefined {
    const owner = model.ownerOf(hostname);
    const listeners = owner === undefined ? [] : model.at(owner);
    const rules = listeners.flatMap(({ gateway, entry }) => [
      ...(this.#attached.get(listenerId(gateway, entry.name))?.get(hostname) ?? []),
    ]);
    return rules.toSorted((a, b) => compareStreamRules(a.entry, b.entry, hostname))[0];
  }
}

function placesOf({ entry }: StreamRule): StreamRuleEntry['hosts'] {
  return entry.hosts.filter(({ hostname }) => isHostname(hostname));
}

function listenerId(gateway: string, listener: string): string {
  return `${gateway} ${listener}`;
}
