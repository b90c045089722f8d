// Holds the writes of one transaction as a table: each is left out of the statement when it has no rows. `:rows` stands
// for its rows joined to the fence, :at for the time of recording.
import { jsonbText } from '#libs/runtime/postgres/jsonb-text.ts';
import { clusterSections } from './cluster-sections.ts';
import type { Section } from './section.ts';

const objectKey = { cluster: 'text', kind: 'text', namespace: 'text', name: 'text' };
const sliceKey = { cluster: 'text', namespace: 'text', name: 'text' };

export const sections: readonly Section[] = [
  ...clusterSections,
  {
    name: 'added_texts',
    columns: { id: 'text', salt: 'bytea', text: 'text' },
    sql: `insert into private_texts (id, salt, text) select r.* from :rows`,
    rows: ({ privateTexts }) => privateTexts.map(({ id, salt, text }) => [id, salt, text]),
  },
  {
    name: 'taken_deeds',
    columns: { id: 'text' },
    sql: `delete from deeds d using :rows where d.id = r.id`,
    rows: ({ deedsTaken }) => deedsTaken.map((id) => [id]),
  },
  {
    name: 'appended',
    columns: {
      seq: 'bigint',
      batch: 'bigint',
      id: 'text',
      type: 'text',
      ...objectKey,
      uid: 'text',
      manager: 'text',
      operation: 'text',
      at: 'timestamptz',
      data: 'text',
      leaf: 'bytea',
    },
    // An object that went and came back unchanged has the id of its first coming: the sequence number tells them apart.
    sql: `insert into events (seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation, at, data,
                              leaf, recorded_at)
          select r.seq, r.batch, r.id || coalesce((select '#' || r.seq from events e where e.id = r.id), ''),
                 r.type, r.cluster, r.kind, r.namespace, r.name, r.uid, r.manager, r.operation, r.at, r.data, r.leaf,
                 :at
            from :rows
          returning seq, recorded_at, cluster, kind, namespace, name, type, manager`,
    rows: ({ events, log }) =>
      events.map((event, index) => [
        event.seq,
        event.batch,
        event.id,
        event.type,
        event.cluster,
        event.kind,
        event.namespace,
        event.name,
        event.uid,
        event.manager,
        event.operation,
        event.at,
        event.data,
        log?.leaves[index] ?? null,
      ]),
  },
  {
    name: 'added_tiles',
    columns: { level: 'int', index: 'bigint', hashes: 'bytea' },
    sql: `insert into log_tiles (level, index, hashes) select r.* from :rows`,
    rows: ({ log }) => (log?.tiles ?? []).map(({ level, index, hashes }) => [level, index, hashes]),
  },
  {
    // It takes its rows from the section before.
    name: 'indexed_events',
    columns: {},
    sql: `insert into event_index (seq, recorded_at, object, cluster, kind, namespace, name, type, manager)
          select seq, recorded_at, object_code(cluster, kind, namespace, name), word_code(cluster), word_code(kind),
                 word_code(namespace), word_code(name), word_code(type), word_code(manager)
            from appended order by seq`,
    rows: ({ events }) => (events.length > 0 ? [[]] : []),
  },
  {
    name: 'ended_mentions',
    columns: { term: 'text', ...objectKey, until_seq: 'bigint' },
    sql: `update object_mentions m set until_seq = r.until_seq from :rows
           where m.term = r.term and m.object = object_code(r.cluster, r.kind, r.namespace, r.name)
             and m.until_seq is null`,
    rows: ({ mentions }) =>
      mentions.ended.map(({ term, object: { cluster, kind, namespace, name }, until }) => [
        term,
        cluster,
        kind,
        namespace,
        name,
        until,
      ]),
  },
  {
    name: 'begun_mentions',
    columns: { term: 'text', ...objectKey, from_seq: 'bigint', until_seq: 'bigint' },
    sql: `insert into object_mentions (term, object, from_seq, until_seq)
          select r.term, object_code(r.cluster, r.kind, r.namespace, r.name), r.from_seq, r.until_seq from :rows`,
    rows: ({ mentions }) =>
      mentions.begun.map(({ term, object: { cluster, kind, namespace, name }, from, until }) => [
        term,
        cluster,
        kind,
        namespace,
        name,
        from,
        until,
      ]),
  },
  {
    name: 'added_facts',
    columns: { change_id: 'text', type: 'text', rank: 'smallint', seq: 'bigint', names: 'text' },
    sql: `insert into event_facts (change_id, type, rank, seq, names)
          select r.change_id, r.type, r.rank, r.seq,
                 case when exists (select from events e where e.id = r.change_id) then null else r.names end
            from :rows`,
    rows: ({ facts }) => facts.map(({ changeId, type, rank, seq, names }) => [changeId, type, rank, seq, names]),
  },
  {
    name: 'added_names',
    columns: { what: 'text', name: 'text', change_id: 'text', seq: 'bigint' },
    sql: `insert into event_names (what, name, seq)
          select n.* from (
            select r.what, r.name, coalesce(r.seq, (select e.seq from events e where e.id = r.change_id)) as seq
              from :rows) n where n.seq is not null
          on conflict do nothing`,
    rows: ({ names }) => names.map(({ what, name, changeId, seq }) => [what, name, changeId, seq]),
  },
  {
    name: 'awaited_names',
    columns: { change_id: 'text', seq: 'bigint' },
    // Asked for each change alone, by an index of those facts that came before their change, which are few.
    sql: `insert into event_names (what, name, seq)
          select n.item ->> 'what', n.item ->> 'name', r.seq
            from :rows,
                 lateral (select f.names from event_facts f
                           where f.change_id = r.change_id and f.names is not null offset 0) f,
                 lateral json_array_elements(f.names::json) n(item)
          on conflict do nothing`,
    rows: ({ changes }) => changes.map(({ changeId, seq }) => [changeId, seq]),
  },
  {
    name: 'kept_objects',
    columns: {
      ...objectKey,
      uid: 'text',
      hash: 'text',
      seq: 'bigint',
      manager: 'text',
      operation: 'text',
      at: 'timestamptz',
      data: 'text',
    },
    sql: `insert into objects (cluster, kind, namespace, name, uid, hash, seq, manager, operation, at, data)
          select r.* from :rows
          on conflict (cluster, kind, namespace, name) do update set uid = excluded.uid, hash = excluded.hash,
            seq = excluded.seq, manager = excluded.manager, operation = excluded.operation,
            at = excluded.at, data = excluded.data`,
    rows: ({ objects }) =>
      objects.map((object) => [
        object.cluster,
        object.kind,
        object.namespace,
        object.name,
        object.uid,
        object.hash,
        object.seq,
        object.manager,
        object.operation,
        object.at,
        object.data,
      ]),
  },
  {
    name: 'gone_objects',
    columns: objectKey,
    sql: `delete from objects o using :rows
           where o.cluster = r.cluster and o.kind = r.kind and o.namespace = r.namespace and o.name = r.name`,
    rows: ({ objectsGone }) =>
      objectsGone.map(({ cluster, kind, namespace, name }) => [cluster, kind, namespace, name]),
  },
  {
    name: 'kept_slices',
    columns: { ...sliceKey, uid: 'text', hash: 'text', resource_version: 'text', data: 'text' },
    sql: `insert into endpoint_slices (cluster, namespace, name, uid, hash, resource_version, data)
          select r.* from :rows
          on conflict (cluster, namespace, name) do update set uid = excluded.uid, hash = excluded.hash,
            resource_version = excluded.resource_version, data = excluded.data`,
    rows: ({ slices }) =>
      slices.map((slice) => [
        slice.cluster,
        slice.namespace,
        slice.name,
        slice.uid,
        slice.hash,
        slice.resourceVersion,
        slice.data,
      ]),
  },
  {
    name: 'gone_slices',
    columns: sliceKey,
    sql: `delete from endpoint_slices s using :rows
           where s.cluster = r.cluster and s.namespace = r.namespace and s.name = r.name`,
    rows: ({ slicesGone }) => slicesGone.map(({ cluster, namespace, name }) => [cluster, namespace, name]),
  },
  {
    name: 'added_entries',
    columns: { hash: 'text', json: 'text' },
    sql: `insert into entries (hash, json) select r.* from :rows on conflict (hash) do nothing`,
    rows: ({ entries }) => entries,
  },
  {
    name: 'added_versions',
    columns: {
      gateway: 'text',
      version: 'int',
      digest: 'text',
      entries: 'int',
      cause: 'text',
      of_version: 'int',
      seq: 'bigint',
      actor: 'text',
      reason: 'text',
      at: 'timestamptz',
    },
    sql: `insert into snapshots (gateway, version, digest, entries, cause, of_version, seq, actor, reason, at)
          select r.gateway, r.version, r.digest, r.entries, r.cause, r.of_version, r.seq, r.actor, r.reason,
                 coalesce(r.at, :at)
            from :rows`,
    rows: ({ versions }) =>
      versions.map((version) => [
        version.gateway,
        version.version,
        version.digest,
        version.entryCount,
        version.cause,
        version.ofVersion,
        version.seq,
        version.actor,
        version.reason,
        version.at,
      ]),
  },
  {
    name: 'added_changes',
    columns: { gateway: 'text', version: 'int', key: 'text', hash: 'text' },
    sql: `insert into snapshot_changes (gateway, version, key, hash) select r.* from :rows`,
    rows: ({ versions }) =>
      versions.flatMap(({ gateway, version, changes }) =>
        changes.map(({ key, hash }) => [gateway, version, key, hash]),
      ),
  },
  {
    name: 'kept_gateways',
    columns: {
      gateway: 'text',
      cluster: 'text',
      namespace: 'text',
      name: 'text',
      head: 'int',
      serving: 'int',
      pinned: 'boolean',
      deleted: 'boolean',
      alarm: 'text',
      labels: 'jsonb',
      uid: 'text',
      limits: 'jsonb',
    },
    sql: `insert into gateways (gateway, cluster, namespace, name, head, serving, pinned, deleted, alarm, labels,
                                uid, limits, commit)
          select r.*, fence.commit from :rows
          on conflict (gateway) do update set head = excluded.head, serving = excluded.serving,
            pinned = excluded.pinned, deleted = excluded.deleted, alarm = excluded.alarm,
            labels = excluded.labels, uid = excluded.uid, limits = excluded.limits,
            commit = excluded.commit`,
    rows: ({ gateways }) =>
      gateways.map((head) => [
        head.gateway,
        head.cluster,
        head.namespace,
        head.name,
        head.head,
        head.serving,
        head.pinned,
        head.deleted,
        head.alarm,
        jsonbText(head.labels),
        head.uid,
        jsonbText(head.limits),
      ]),
  },
  {
    name: 'kept_statuses',
    columns: { ...objectKey, uid: 'text', status: 'jsonb' },
    sql: `insert into statuses (cluster, kind, namespace, name, uid, status) select r.* from :rows
          on conflict (cluster, kind, namespace, name) do update set uid = excluded.uid, status = excluded.status`,
    rows: ({ statuses }) =>
      statuses.flatMap((item) =>
        item.status === null
          ? []
          : [[item.cluster, item.kind, item.namespace, item.name, item.uid, jsonbText(item.status)]],
      ),
  },
  {
    name: 'gone_statuses',
    columns: objectKey,
    sql: `delete from statuses s using :rows
           where s.cluster = r.cluster and s.kind = r.kind and s.namespace = r.namespace and s.name = r.name`,
    rows: ({ statuses }) =>
      statuses.flatMap((item) => (item.status === null ? [[item.cluster, item.kind, item.namespace, item.name]] : [])),
  },
  {
    name: 'kept_discovery',
    columns: { key: 'text', cluster: 'text', hash: 'text', item: 'text' },
    sql: `insert into discovery (key, cluster, hash, item, commit) select r.*, fence.commit from :rows
          on conflict (key) do update set cluster = excluded.cluster, hash = excluded.hash, item = excluded.item,
            commit = excluded.commit`,
    rows: ({ discovery }) =>
      discovery.map(({ key, cluster, hash, item }) => [
        key,
        cluster,
        hash,
        item === null ? null : JSON.stringify(item),
      ]),
  },
];
