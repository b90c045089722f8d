// Holds the one table of commands. A command's file is loaded only when it is called, so that a quick command stays
// quick.
import type { Command } from 'commander';

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly hidden?: true;
  /** Adds arguments, options and action to the command. */
  readonly load: () => Promise<(command: Command) => void>;
}

const run = 'Run a fleet:';
const look = 'Look:';
const act = 'Act:';
const parts = 'Run the parts as separate processes:';
const keep = 'Set up and keep:';

export const commandTable: readonly CommandEntry[] = [
  {
    name: 'up',
    group: run,
    summary: 'run a whole fleet on this machine, with Postgres, NATS and Envoy',
    load: async () => (await import('./commands/up.ts')).configureUp,
  },
  {
    name: 'status',
    group: look,
    summary: 'clusters, gateways and nodes at a glance',
    load: async () => (await import('./commands/status.ts')).configureStatus,
  },
  {
    name: 'clusters',
    group: look,
    summary: 'the clusters of the fleet and their agents',
    load: async () => (await import('./commands/clusters.ts')).configureClusters,
  },
  {
    name: 'gateways',
    group: look,
    summary: 'the gateways and the versions that they serve',
    load: async () => (await import('./commands/gateways.ts')).configureGateways,
  },
  {
    name: 'routes',
    group: look,
    summary: 'every route of the fleet: accepted or why not, last changed by whom and when',
    load: async () => (await import('./commands/routes.ts')).configureRoutes,
  },
  {
    name: 'snapshots',
    group: look,
    summary: 'the versions of a gateway',
    load: async () => (await import('./commands/snapshots.ts')).configureSnapshots,
  },
  {
    name: 'diff',
    group: look,
    summary: 'what differs between two versions of a gateway',
    load: async () => (await import('./commands/diff.ts')).configureDiff,
  },
  {
    name: 'history',
    group: look,
    summary: 'every change of one object: who, when, what',
    load: async () => (await import('./commands/history.ts')).configureHistory,
  },
  {
    name: 'blame',
    group: look,
    summary: 'which change gave each field of an object its value: who, when',
    load: async () => (await import('./commands/blame.ts')).configureBlame,
  },
  {
    name: 'events',
    group: look,
    summary: 'what happened in the whole fleet: by place, kind, author and time; live with --follow',
    load: async () => (await import('./commands/events.ts')).configureEvents,
  },
  {
    name: 'watch',
    group: look,
    summary: 'what happens, as it happens: changes, their versions, and when all nodes had applied them',
    load: async () => (await import('./commands/watch.ts')).configureWatch,
  },
  {
    name: 'report',
    group: look,
    summary: 'every change of a time for an auditor: who, why, what, applied when; or a random sample',
    load: async () => (await import('./commands/report.ts')).configureReport,
  },
  {
    name: 'explain',
    group: look,
    summary: 'which rule answers a request, and why the others do not; now, in the past, or of manifests',
    load: async () => (await import('./commands/explain.ts')).configureExplain,
  },
  {
    name: 'at',
    group: look,
    summary: 'the fleet as it was: routes and gateways, and which rule answered a request',
    load: async () => (await import('./commands/at.ts')).configureAt,
  },
  {
    name: 'stages',
    group: look,
    summary: 'which stages of the projection a change ran, because of what, and where it stopped',
    load: async () => (await import('./commands/stages.ts')).configureStages,
  },
  {
    name: 'nodes',
    group: look,
    summary: 'the data-plane nodes, what each of them serves and has rejected',
    load: async () => (await import('./commands/nodes.ts')).configureNodes,
  },
  {
    name: 'node',
    group: act,
    summary: 'remove a node that is gone for good, and did not say goodbye',
    load: async () => (await import('./commands/node.ts')).configureNode,
  },
  {
    name: 'cluster',
    group: act,
    summary: 'remove a cluster from the fleet, take it on again, or show it by another name',
    load: async () => (await import('./commands/cluster.ts')).configureCluster,
  },
  {
    name: 'rollback',
    group: act,
    summary: 'serve an earlier version of a gateway, and pin it',
    load: async () => (await import('./commands/rollback.ts')).configureRollback,
  },
  {
    name: 'release',
    group: act,
    summary: 'end the pin of a gateway: its newest version serves',
    load: async () => (await import('./commands/release.ts')).configureRelease,
  },
  {
    name: 'accept',
    group: act,
    summary: 'let a change through that a sanity limit holds back',
    load: async () => (await import('./commands/accept.ts')).configureAccept,
  },
  {
    name: 'approvals',
    group: look,
    summary: 'the commands that wait for another person to confirm them',
    load: async () => (await import('./commands/approvals.ts')).configureApprovals,
  },
  {
    name: 'approve',
    group: act,
    summary: 'confirm what another person requested, and carry it out',
    load: async () => (await import('./commands/approve.ts')).configureApprove,
  },
  {
    name: 'reject',
    group: act,
    summary: 'refuse what another person requested, or take your request back',
    load: async () => (await import('./commands/reject.ts')).configureReject,
  },
  {
    name: 'agent',
    group: parts,
    summary: 'watch one cluster; or print, install, uninstall its agent',
    load: async () => (await import('./commands/agent.ts')).configureAgent,
  },
  {
    name: 'projector',
    group: parts,
    summary: 'append events and build snapshots (the one writer)',
    load: async () => (await import('./commands/projector.ts')).configureProjector,
  },
  {
    name: 'control',
    group: parts,
    summary: 'serve the API and the hub of the nodes',
    load: async () => (await import('./commands/control.ts')).configureControl,
  },
  {
    name: 'proxy',
    group: parts,
    summary: 'run one node and its Envoy',
    load: async () => (await import('./commands/proxy.ts')).configureProxy,
  },
  {
    name: 'convert',
    group: keep,
    summary: 'print what Ingresses and old Gateway API objects are in v1',
    load: async () => (await import('./commands/convert.ts')).configureConvert,
  },
  {
    name: 'token',
    group: keep,
    summary: 'create, list and revoke API tokens',
    load: async () => (await import('./commands/token.ts')).configureToken,
  },
  {
    name: 'keys',
    group: keep,
    summary: 'make the key pair that TLS keys are sealed to',
    load: async () => (await import('./commands/keys.ts')).configureKeys,
  },
  {
    name: 'migrate',
    group: keep,
    summary: 'bring the database to the schema of this version',
    load: async () => (await import('./commands/migrate.ts')).configureMigrate,
  },
  {
    name: 'rebuild',
    group: keep,
    summary: 'rebuild every snapshot from the history; --verify compares only',
    load: async () => (await import('./commands/rebuild.ts')).configureRebuild,
  },
  {
    name: 'archive',
    group: keep,
    summary: 'move old events and versions out of the database, and bring versions back',
    load: async () => (await import('./commands/archive.ts')).configureArchive,
  },
  {
    name: 'audit',
    group: keep,
    summary: 'sign, publish, verify and prove the history',
    load: async () => (await import('./commands/audit.ts')).configureAudit,
  },
  {
    name: 'version',
    group: keep,
    summary: 'the versions of the command and of the control service that it finds',
    load: async () => (await import('./commands/version.ts')).configureVersion,
  },
  {
    name: 'demo-upstreams',
    group: run,
    summary: 'serve the small services of the example',
    hidden: true,
    load: async () => (await import('./commands/demo-upstreams.ts')).configureDemoUpstreams,
  },
];
