// Keeps current what gateways should serve and what objects should say, from events, at the cost of the change.
//
//   events ─▶ Fleet ─▶ stages ─┬─▶ content of gateways ─▶ versions      node reports ─▶ stages ─▶ statuses
//                              ├─▶ statuses
//                              └─▶ discovery
import type { InventoryPage, StatusPage } from '#libs/events/agent-exchange.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { carriedOut, type GatewayCommand, type SeenStanding } from '#libs/events/operator-event.ts';
import { evolve, Fleet, type FleetChange, isStale, type KnownObject } from '#libs/fleet/fleet.ts';
import type { DecisionWishes } from '#libs/gateway/objects/decision-wishes.ts';
import { foreignKindOf, gatewayKinds, kindInfo, kindInfoOf } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { generation } from '#libs/gateway/fields/metadata.ts';
import { ContentBook } from '#libs/projection/versions/content-book.ts';
import type { ContentOf, GatewayHead, VersionContent } from '#libs/projection/versions/gateway-head.ts';
import { noRestores } from '#libs/projection/versions/numbering.ts';
import { defaultLimits, type Limits } from '#libs/projection/versions/limits.ts';
import type { ListenerSetModel } from '#libs/projection/model/listener-set-model.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import type {
  Batch,
  ProjectionChange,
  SavedObject,
  SavedProjection,
} from '#libs/projection/versions/projection-change.ts';
import type { EngineRecord } from '#libs/derivation/recorder.ts';
import { sameValue } from '#libs/derivation/same-value.ts';
import { createStages, type Stages } from '#libs/projection/stages/stages.ts';
import { Outputs } from './outputs.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';

export class Projection {
  readonly #limits: Limits;
  readonly #fleet = new Fleet();
  readonly #stages: Stages;
  readonly #contents: ContentBook;
  readonly #outputs: Outputs;
  readonly #respecifiedSets = new Set<string>();

  constructor(options: { readonly limits?: Partial<Limits> } = {}) {
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#stages = createStages();
    this.#contents = new ContentBook(this.#stages);
    this.#outputs = new Outputs(this.#stages);
    this.#stages.gateways.sets.observe((set, before, after) => {
      if (specOf(before) !== specOf(after)) this.#respecifiedSets.add(set);
    });
  }

  /** Counts stage executions so far, for tests of cost. */
  get executions(): number {
    return this.#stages.engine.executions;
  }

  /** Takes over what Postgres holds, without output. Only on a new Projection. */
  load(saved: SavedProjection): void {
    for (const list of [saved.objects, saved.slices]) for (const one of list) this.#restore(one);
    for (const item of saved.sealed) this.#stages.sources.sealed.set(item.key, item);
    for (const node of saved.nodes ?? []) this.#stages.sources.nodes.set(node.node, node);
    this.#stages.engine.settle();
    this.#contents.restoreNumbering(saved.numbering ?? noRestores);
    for (const one of saved.gateways) this.#contents.restore(one);
    this.#publishVersionFacts(saved.gateways);
    this.#publishSetVersions();
    this.#stages.engine.settle();
    this.#outputs.discard();
  }

  /** Tells which stages run while `act` folds something. `now` gives milliseconds; what it gives changes no output. */
  record<T>(now: () => number, act: () => T): { readonly value: T; readonly record: EngineRecord } {
    return this.#stages.engine.record(now, act);
  }

  /** Folds one transaction's worth. The same history in the same batches gives the same bytes. */
  apply(batch: Batch, contentOf: ContentOf): ProjectionChange {
    const operations = new Map<string, GatewayCommand[]>();
    const respecified = new Set<string>();
    const removed = new Set<string>();
    for (const { event } of batch.events) {
      if ('kind' in event) this.#fold(event, respecified, removed);
      else if (event.type === 'restored') this.#contents.passOver(event);
      else if (event.type === 'cluster-removed') this.#removeCluster(event.subject, removed);
      else {
        const command = carriedOut(event);
        const { gateway } = event;
        if (command !== undefined) operations.set(gateway, [...(operations.get(gateway) ?? []), command]);
      }
    }
    for (const event of batch.slices) this.#fold(event, respecified, removed);
    for (const item of batch.sealed) this.#stages.sources.sealed.set(item.key, item);
    this.#stages.engine.settle();
    const limits = this.#limits;
    const stepped = this.#contents.step({ operations, respecified, removed, limits, contentOf });
    this.#publishVersionFacts(stepped.gateways);
    this.#publishSetVersions();
    this.#stages.engine.settle();
    return { ...stepped, ...this.#outputs.drain() };
  }

  /** Replaces all node reports; only statuses can change. */
  setNodes(nodes: readonly NodeReport[]): ProjectionChange {
    const source = this.#stages.sources.nodes;
    const names = new Set(nodes.map(({ node }) => node));
    for (const gone of [...source.keys()].filter((name) => !names.has(name))) source.set(gone, undefined);
    for (const report of nodes) if (!sameValue(source.peek(report.node), report)) source.set(report.node, report);
    this.#stages.engine.settle();
    return { versions: [], entries: new Map(), gateways: [], ...this.#outputs.drain() };
  }

  /** Tells whether a change event says nothing new: the same object with the same content, or an older one. */
  knows(event: ChangeEvent): boolean {
    return isStale(this.#fleet, event);
  }

  /** Gives the object that an event is about, as it is known before it. */
  objectBefore({ cluster, kind, namespace, name }: ChangeEvent): KubeObject | undefined {
    return this.#fleet.get(cluster, kind, namespace, name)?.object;
  }

  /** Gives a page of what is known of a cluster, EndpointSlices included, ordered by `kind/namespace/name`. */
  inventory(cluster: string, after: string | undefined, limit: number): InventoryPage {
    return this.#fleet.inventory(cluster, after, limit);
  }

  /** Gives a page of a cluster's desired statuses, ordered by `kind/namespace/name`. */
  statuses(cluster: string, after: string | undefined, limit: number): StatusPage {
    return this.#outputs.statuses(cluster, after, limit);
  }

  /** Counts the numbers that restores of the database made every gateway pass over. */
  get skippedVersions(): number {
    return this.#contents.skipped;
  }

  /** Gives the number that the next version of a gateway is above. */
  versionFloor(gateway: string): number {
    return this.#contents.floor(gateway);
  }

  gatewayHead(gateway: string): GatewayHead | undefined {
    return this.#contents.head(gateway);
  }

  /** Says what a gateway wants of the commands for it; undefined = it is not there, or not ours. */
  decisionWishes(gateway: string): DecisionWishes | undefined {
    return this.#contents.decisions(gateway);
  }

  /** Says how a gateway stands, for a command that waits to be confirmed; undefined = it has no versions. */
  standing(gateway: string): SeenStanding | undefined {
    return this.#contents.standing(gateway);
  }

  /** Gives the content of a gateway's newest version. */
  content(gateway: string): VersionContent | undefined {
    return this.#contents.content(gateway);
  }

  #fold(event: ChangeEvent, respecified: Set<string>, removed: Set<string>): void {
    const before = this.#fleet.get(event.cluster, event.kind, event.namespace, event.name);
    const change = evolve(this.#fleet, event);
    if (change === undefined) return;
    if (gatewayKinds.includes(event.kind)) {
      if (isRespecified(before, change)) respecified.add(change.key);
      if (event.type === 'deleted' && event.via === 'watch') removed.add(change.key);
    }
    this.#stages.sources.put(event.kind, change.key, change.after);
  }

  /** Takes all objects of a cluster away; what its gateways had is not held back by sanity limits. */
  #removeCluster(cluster: string, removed: Set<string>): void {
    for (const known of this.#fleet.objectsOf(cluster)) {
      const key = toPlaceKey(known);
      const kind = kindInfo(known.kind)?.kind;
      if (gatewayKinds.includes(known.kind)) removed.add(key);
      this.#fleet.remove(cluster, known.kind, known.namespace, known.name);
      if (kind !== undefined) this.#stages.sources.put(kind, key, undefined);
    }
    const { sealed } = this.#stages.sources;
    for (const key of [...sealed.keys()]) if (sealed.peek(key)?.cluster === cluster) sealed.set(key, undefined);
  }

  #restore({ cluster, hash, object }: SavedObject): void {
    const kind = kindInfoOf(object)?.kind ?? foreignKindOf(object);
    if (kind === undefined) return;
    const { name, namespace = '', uid, resourceVersion } = object.metadata;
    const known: KnownObject = { cluster, kind, namespace, name, uid, resourceVersion, hash, object };
    this.#fleet.put(known);
    this.#stages.sources.put(kind, toPlaceKey(known), known);
  }

  #publishVersionFacts(gateways: Iterable<{ readonly gateway: string }>): void {
    for (const { gateway } of gateways) this.#stages.sources.versions.set(gateway, this.#contents.facts(gateway));
  }

  /** Says from which version on the ListenerSets are as they are now. */
  #publishSetVersions(): void {
    for (const set of this.#respecifiedSets) {
      const gateway = this.#stages.gateways.sets.peek(set)?.gateway;
      const since = gateway === undefined ? undefined : this.#contents.settled(gateway);
      const version = gateway === undefined || since === undefined ? undefined : { set, gateway, since };
      this.#stages.sources.setVersions.set(set, version);
    }
    this.#respecifiedSets.clear();
  }
}

/** Tells whether a Gateway's spec may be another: what nodes applied before does not count any more. */
function isRespecified(before: KnownObject | undefined, { after }: FleetChange): boolean {
  if (before === undefined || after === undefined) return true;
  return before.uid !== after.uid || generation(before.object) !== generation(after.object);
}

/** Names what of a ListenerSet must be another for nodes to have it applied anew. */
function specOf(set: ListenerSetModel | undefined): string {
  return set === undefined ? '' : `${set.uid} ${set.generation} ${set.gateway}`;
}
