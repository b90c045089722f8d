// Gathers the change events and later facts of one transaction: takes what says something new, names what does not.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { ChangeFact } from '#libs/events/change-fact.ts';
import { Fleet, evolve, isStale } from '#libs/fleet/fleet.ts';
import { reasonOfChange } from '#libs/gateway/change-reason.ts';
import { kindInfo } from '#libs/gateway/kinds.ts';
import type { SealedItem } from '#libs/projection/model/delivery/sealed-item.ts';
import type { ClusterRegistry } from '../clusters/cluster-registry.ts';
import { fingerprintOf } from './message.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { toObjectKey } from '#libs/gateway/object-key.ts';
import { toTlsKey } from '#libs/snapshot/discovery-key.ts';

/** Says what is known of objects before the batch. */
interface KnownBefore {
  knows(event: ChangeEvent): boolean;
  objectBefore(event: ChangeEvent): KubeObject | undefined;
}

export type Verdict = 'taken' | 'known' | { readonly refused: string };

/** Holds the events of one transaction, in order. */
export class Intake {
  readonly events: ChangeEvent[] = [];
  readonly slices: ChangeEvent[] = [];
  readonly facts: ChangeFact[] = [];
  readonly sealed: SealedItem[] = [];
  /** Clusters seen for the first time: name → UID. */
  readonly clusters = new Map<string, string>();
  /** Objects that this batch touched, as they were before it. */
  readonly before = new Map<string, KubeObject | undefined>();
  readonly #registry: ClusterRegistry;
  readonly #before: KnownBefore;
  /** Objects that this batch touched, as it leaves them. */
  readonly #touched = new Set<string>();
  readonly #after = new Fleet();

  constructor(registry: ClusterRegistry, before: KnownBefore) {
    this.#registry = registry;
    this.#before = before;
  }

  /** Counts events, slices and facts. */
  get size(): number {
    return this.events.length + this.slices.length + this.facts.length;
  }

  get empty(): boolean {
    return this.size === 0 && this.clusters.size === 0;
  }

  add(told: ChangeEvent): Verdict {
    const event = { ...told, cluster: this.#registry.nameOf(told.cluster, told.clusterUid) };
    const verdict = this.#register(event);
    if (verdict !== undefined) return { refused: verdict };
    const key = toObjectKey(event);
    const touched = this.#touched.has(key);
    if (touched ? isStale(this.#after, event) : this.#before.knows(event)) return 'known';
    const before = touched
      ? this.#after.get(event.cluster, event.kind, event.namespace, event.name)?.object
      : this.#before.objectBefore(event);
    if (!touched) this.before.set(key, before);
    this.#touched.add(key);
    evolve(this.#after, event);
    // Whatever the sender says of the reason: it is what the object's annotations say.
    const { sealed, reason: _reason, ticket: _ticket, ...said } = event;
    const facts = { ...said, ...reasonOfChange(before, event.object) };
    (kindInfo(event.kind)?.stream === 'discovery' ? this.slices : this.events).push(facts);
    const fingerprint = sealed === undefined ? undefined : fingerprintOf(event.object);
    if (sealed !== undefined && fingerprint !== undefined) {
      const { cluster } = event;
      this.sealed.push({ key: toTlsKey(event), cluster, fingerprint, sealed });
    }
    return 'taken';
  }

  /** Takes a later fact, of a change that may be known or not. Whoever calls has looked for it in the history. */
  addFact(fact: ChangeFact): Verdict {
    const verdict = this.#register(fact);
    if (verdict !== undefined) return { refused: verdict };
    this.facts.push(fact);
    return 'taken';
  }

  /** Says why the cluster is refused; a new one is noted. */
  #register({ cluster, clusterUid }: { readonly cluster: string; readonly clusterUid: string }): string | undefined {
    const verdict = this.#registry.check(cluster, clusterUid);
    if (verdict === 'registered') return undefined;
    if (verdict !== 'new') return verdict.refused;
    this.#registry.add(cluster, clusterUid);
    this.clusters.set(cluster, clusterUid);
    return undefined;
  }
}
