// Holds the writes of a transaction that are about clusters as a whole, as a table like that of the other writes.
import type { Section } from './section.ts';

/** Takes away what is known of the clusters that `:rows` names. */
function emptied(table: string): Section {
  return {
    name: `emptied_${table}`,
    columns: { cluster: 'text' },
    sql: `delete from ${table} t using :rows where t.cluster = r.cluster`,
    rows: ({ emptiedClusters }) => emptiedClusters.map(({ cluster }) => [cluster]),
  };
}

export const clusterSections: readonly Section[] = [
  {
    name: 'added_clusters',
    columns: { name: 'text', uid: 'text' },
    sql: `insert into clusters (name, uid, first_seen) select r.name, r.uid, :at from :rows`,
    rows: ({ clusters }) => clusters.map(({ name, uid }) => [name, uid]),
  },
  {
    name: 'changed_clusters',
    columns: { name: 'text', shown: 'text', removed_at: 'timestamptz' },
    sql: `update clusters c set shown = r.shown, removed_at = r.removed_at from :rows where c.name = r.name`,
    rows: ({ changedClusters }) => changedClusters.map(({ name, shown, removedAt }) => [name, shown, removedAt]),
  },
  {
    name: 'ended_mentions',
    columns: { cluster: 'text', seq: 'bigint' },
    sql: `update object_mentions m set until_seq = r.seq
            from :rows, objects o
           where o.cluster = r.cluster and m.until_seq is null
             and m.object = object_code(o.cluster, o.kind, o.namespace, o.name)`,
    rows: ({ emptiedClusters }) => emptiedClusters.map(({ cluster, seq }) => [cluster, seq]),
  },
  emptied('objects'),
  emptied('endpoint_slices'),
  emptied('agents'),
];
