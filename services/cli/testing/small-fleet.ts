// For tests: describes a fleet of one cluster, one gateway and one node as the API tells it, and what came of a
// command.
import type { Overview } from '../overview/overview.ts';
import type { CommandResult } from '../views/command-text.ts';

export const now = new Date('2026-01-02T00:00:00Z');

export const gateway: Overview['gateways'][number] = {
  gateway: 'eu/platform/shared',
  cluster: 'eu',
  namespace: 'platform',
  name: 'shared',
  serving: 4,
  head: 4,
  pinned: false,
  deleted: false,
  alarm: null,
  problems: [],
  digest: 'd',
  entries: 14,
  cause: 'change',
  actor: 'kubectl',
  reason: null,
  at: '2026-01-01T23:59:00Z',
  nodes: { connected: 2, applied: 2, rejected: 0, unknown: 0 },
  labels: {},
  uid: null,
  limits: null,
};
export const cluster: Overview['clusters'][number] = {
  name: 'eu',
  identity: 'eu',
  removedAt: null,
  uid: 'u',
  status: 'connected',
  firstSeen: '2026-01-01T00:00:00Z',
  agent: {
    version: '0.1.0',
    source: 'folder',
    synced: true,
    problems: [],
    objects: 20,
    lastSeen: '2026-01-01T23:59:58Z',
    ageMs: 2000,
  },
  objects: { Gateway: 1, HTTPRoute: 2 },
};
export const node: Overview['nodes'][number] = {
  node: 'local',
  status: 'connected',
  version: '0.1.0',
  envoy: 'live',
  labels: {},
  serves: ['*/*/*'],
  addresses: ['127.0.0.1'],
  replica: 'r',
  firstSeen: '2026-01-01T00:00:00Z',
  lastSeen: '2026-01-01T23:59:58Z',
  ageMs: 2000,
  gateways: [],
};
export const overview: Overview = {
  clusters: [cluster],
  gateways: [gateway],
  nodes: [node],
  refusedRoutes: [],
  restores: [],
};
/** A rollback that every node has applied. */
export const result: CommandResult = {
  id: 'i',
  gateway: 'eu/platform/shared',
  version: 6,
  replaced: 5,
  ofVersion: 3,
  seq: '40',
  decidedMs: 4.4,
  complete: true,
  ms: 12.3,
  nodes: [{ node: 'local', state: 'applied', unknownSince: null, ms: 12.3, tookMs: 2, reasons: [] }],
  unready: [],
};
