// Every NATS subject and name stands here. JetStream carries change and operator events; the rest is core NATS.
//
//   agent   ──fleetgate.change.<cluster>────▶ projector      (stream)
//   agent   ──fleetgate.attribution.<cluster>▶ projector     (stream; who asked for a change that was told before)
//   control ──fleetgate.operator────────────▶ projector      (stream; header Fleetgate-Reply = where the outcome goes)
//   projector ──fleetgate.probe─────────────▶ projector      (stream; says nothing, shows that the stream is stored)
//   agent   ◀─request── fleetgate.inventory.<cluster> ──▶ projector     what the history holds of the cluster
//   agent   ◀─request── fleetgate.statuses.<cluster>  ──▶ projector     every desired status
//   agent   ◀──────────fleetgate.status.<cluster>───── projector        desired statuses that changed
//   agent   ◀──────────fleetgate.resync─────────────── projector        which stream is read; if another: compare
//   agent   ──fleetgate.heartbeat.<cluster>─▶ projector

export const streamName = 'FLEETGATE';
export const consumerName = 'projector';
export const operatorSubject = 'fleetgate.operator';
export const probeSubject = 'fleetgate.probe';
export const streamSubjects = ['fleetgate.change.*', 'fleetgate.attribution.*', operatorSubject, probeSubject] as const;
/** Nothing is ever published here, so that the stream holds nothing of it. */
export const unusedSubject = 'fleetgate.unused';
/** On a message of the stream, with the value `sub`: it replaces those before it on its subject. */
export const rollupHeader = 'Nats-Rollup';
export const resyncSubject = 'fleetgate.resync';
export const replyHeader = 'Fleetgate-Reply';

export const changeSubject = (cluster: string): string => `fleetgate.change.${cluster}`;
export const attributionSubject = (cluster: string): string => `fleetgate.attribution.${cluster}`;
export const inventorySubject = (cluster: string): string => `fleetgate.inventory.${cluster}`;
export const statusesSubject = (cluster: string): string => `fleetgate.statuses.${cluster}`;
export const statusSubject = (cluster: string): string => `fleetgate.status.${cluster}`;
export const heartbeatSubject = (cluster: string): string => `fleetgate.heartbeat.${cluster}`;

/**
 * Gives the Nats-Msg-Id of a change event, and its id in the history: a repeated publish is one event. What a
 * comparison found is a fact of its own, because the same resourceVersion can rightly come again: a Secret that is
 * referenced again, a restored etcd, an agent that strips less.
 */
export function changeMessageId(event: {
  readonly cluster: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly type: string;
  readonly via?: string;
  readonly seenAt?: string;
}): string {
  const id = `${event.cluster}/${event.uid}/${event.type === 'deleted' ? 'deleted' : event.resourceVersion}`;
  return event.via === 'relist' && event.seenAt !== undefined ? `${id}/${event.seenAt}` : id;
}
