-- The schema after every migration. Written by the test beside it: UPDATE_GOLDEN=1 npx tap migrations/schema.pg.test.ts

create table agents (
  cluster text not null,
  version text not null,
  source text not null,
  synced boolean not null,
  objects integer not null,
  problems jsonb not null,
  last_seen timestamp with time zone not null,
  constraint agents_pkey PRIMARY KEY (cluster)
);

create table archived_versions (
  gateway text not null,
  file text not null,
  versions int4multirange not null,
  place text not null,
  constraint archived_versions_pkey PRIMARY KEY (gateway, file)
);

create table archives (
  first bigint not null,
  last bigint not null,
  place text not null,
  log_size bigint not null,
  log_root bytea not null,
  at timestamp with time zone not null default clock_timestamp(),
  constraint archives_pkey PRIMARY KEY (first)
);

create table clusters (
  name text not null,
  uid text not null,
  first_seen timestamp with time zone not null,
  shown text,
  removed_at timestamp with time zone,
  constraint clusters_pkey PRIMARY KEY (name),
  constraint clusters_shown_key UNIQUE (shown),
  constraint clusters_uid_key UNIQUE (uid)
);

create table deeds (
  id text not null,
  noted_at timestamp with time zone not null default clock_timestamp(),
  data text not null,
  constraint deeds_pkey PRIMARY KEY (id)
);

create table departed_nodes (
  id text not null,
  node text not null,
  cause text not null,
  reason text not null,
  actor text,
  role text,
  last_seen timestamp with time zone not null,
  at timestamp with time zone not null,
  constraint departed_nodes_cause_check CHECK ((cause = ANY (ARRAY['goodbye'::text, 'removed'::text, 'silent'::text]))),
  constraint departed_nodes_pkey PRIMARY KEY (id)
);

create table discovery (
  key text not null,
  cluster text not null,
  hash text not null,
  item text,
  commit bigint not null,
  constraint discovery_pkey PRIMARY KEY (key)
);
CREATE INDEX discovery_commit ON public.discovery USING btree (commit);

create table endpoint_slices (
  cluster text not null,
  namespace text not null,
  name text not null,
  uid text not null,
  hash text not null,
  resource_version text not null,
  data text not null,
  constraint endpoint_slices_pkey PRIMARY KEY (cluster, namespace, name)
);

create table entries (
  hash text not null,
  json text not null,
  constraint entries_pkey PRIMARY KEY (hash)
);

create table event_facts (
  change_id text not null,
  type text not null,
  rank smallint not null,
  seq bigint not null,
  names text,
  constraint event_facts_pkey PRIMARY KEY (change_id, type, rank, seq)
);
CREATE INDEX event_facts_waiting ON public.event_facts USING btree (change_id) WHERE (names IS NOT NULL);

create table event_index (
  seq bigint not null,
  recorded_at timestamp with time zone not null,
  object bigint not null,
  cluster integer not null,
  kind integer not null,
  namespace integer not null,
  name integer not null,
  type integer not null,
  manager integer not null
);
CREATE INDEX event_index_object ON public.event_index USING btree (object, seq) INCLUDE (type, manager);
CREATE INDEX event_index_range ON public.event_index USING brin (seq, recorded_at) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX event_index_words ON public.event_index USING gin ((ARRAY[cluster, kind, namespace, name, type, manager])) WITH (gin_pending_list_limit='512');

create table event_names (
  what text not null,
  name text not null,
  seq bigint not null,
  constraint event_names_pkey PRIMARY KEY (what, name, seq),
  constraint event_names_what_check CHECK ((what = ANY (ARRAY['by'::text, 'tool'::text])))
);

create table events (
  seq bigint not null,
  batch bigint not null,
  id text not null,
  type text not null,
  cluster text not null,
  kind text not null,
  namespace text not null,
  name text not null,
  uid text not null,
  manager text,
  operation text,
  at timestamp with time zone not null,
  recorded_at timestamp with time zone not null default clock_timestamp(),
  data text not null,
  leaf bytea not null,
  constraint events_id_key UNIQUE (id),
  constraint events_pkey PRIMARY KEY (seq)
);
CREATE INDEX events_object ON public.events USING btree (cluster, kind, namespace, name, seq);
CREATE INDEX events_requested ON public.events USING btree (seq) WHERE (type = 'requested'::text);
CREATE TRIGGER keep_as_written BEFORE DELETE OR UPDATE OR TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

create table gateways (
  gateway text not null,
  cluster text not null,
  namespace text not null,
  name text not null,
  head integer not null,
  serving integer not null,
  pinned boolean not null,
  deleted boolean not null,
  alarm text,
  commit bigint not null,
  labels jsonb not null default '{}'::jsonb,
  uid text,
  limits jsonb,
  constraint gateways_pkey PRIMARY KEY (gateway)
);
CREATE INDEX gateways_commit ON public.gateways USING btree (commit);

create table log_tiles (
  level integer not null,
  index bigint not null,
  hashes bytea not null,
  constraint log_tiles_pkey PRIMARY KEY (level, index)
);
CREATE TRIGGER keep_as_written BEFORE DELETE OR UPDATE OR TRUNCATE ON public.log_tiles FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

create table node_gateways (
  node text not null,
  gateway text not null,
  version integer not null,
  digest text not null,
  applied_at timestamp with time zone not null,
  took_ms real not null,
  rejected_version integer,
  rejected_reasons jsonb,
  rejected_at timestamp with time zone,
  constraint node_gateways_node_fkey FOREIGN KEY (node) REFERENCES nodes(node) ON DELETE CASCADE,
  constraint node_gateways_pkey PRIMARY KEY (node, gateway)
);

create table nodes (
  node text not null,
  version text not null,
  labels jsonb not null,
  serves jsonb not null,
  addresses jsonb not null,
  replica text not null,
  connected boolean not null,
  envoy text not null,
  first_seen timestamp with time zone not null,
  last_seen timestamp with time zone not null,
  constraint nodes_pkey PRIMARY KEY (node)
);

create table object_mentions (
  term text not null,
  object bigint not null,
  from_seq bigint not null,
  until_seq bigint,
  constraint object_mentions_pkey PRIMARY KEY (term, object, from_seq)
);

create table objects (
  cluster text not null,
  kind text not null,
  namespace text not null,
  name text not null,
  uid text not null,
  hash text not null,
  seq bigint not null,
  manager text,
  operation text,
  at timestamp with time zone not null,
  data text not null,
  constraint objects_pkey PRIMARY KEY (cluster, kind, namespace, name)
);

create table private_texts (
  id text not null,
  salt bytea not null,
  text text not null,
  constraint private_texts_pkey PRIMARY KEY (id)
);
CREATE INDEX private_texts_text ON public.private_texts USING hash (text);
CREATE TRIGGER keep_as_written BEFORE UPDATE OR TRUNCATE ON public.private_texts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

create table projector (
  id integer not null,
  epoch bigint not null,
  commit bigint not null,
  stream_created text,
  stream_seq bigint not null,
  stream_stored_at text,
  log_size bigint not null default 0,
  log_root bytea not null,
  constraint projector_id_check CHECK ((id = 1)),
  constraint projector_pkey PRIMARY KEY (id)
);

create table projectors (
  projector text not null,
  host text not null,
  pid integer not null,
  version text not null,
  phase text not null,
  since timestamp with time zone not null,
  last_seen timestamp with time zone not null,
  epoch bigint,
  backend integer,
  lease_until timestamp with time zone,
  problems jsonb not null default '[]'::jsonb,
  constraint projectors_phase_check CHECK ((phase = ANY (ARRAY['standing by'::text, 'loading'::text, 'leading'::text]))),
  constraint projectors_pkey PRIMARY KEY (projector)
);

create table snapshot_changes (
  gateway text not null,
  version integer not null,
  key text not null,
  hash text,
  constraint snapshot_changes_pkey PRIMARY KEY (gateway, key, version)
);
CREATE INDEX snapshot_changes_version ON public.snapshot_changes USING btree (gateway, version);

create table snapshots (
  gateway text not null,
  version integer not null,
  digest text not null,
  entries integer not null,
  cause text not null,
  of_version integer,
  seq bigint not null,
  at timestamp with time zone not null,
  actor text,
  reason text,
  constraint snapshots_pkey PRIMARY KEY (gateway, version)
);
CREATE INDEX snapshots_rollback ON public.snapshots USING btree (gateway, version) WHERE (cause = 'rollback'::text);
CREATE INDEX snapshots_seq ON public.snapshots USING btree (seq);

create table statuses (
  cluster text not null,
  kind text not null,
  namespace text not null,
  name text not null,
  uid text not null,
  status jsonb not null,
  constraint statuses_pkey PRIMARY KEY (cluster, kind, namespace, name)
);

create table tokens (
  id text not null,
  name text not null,
  role text not null,
  sha256 text not null,
  created_at timestamp with time zone not null,
  revoked_at timestamp with time zone,
  constraint tokens_pkey PRIMARY KEY (id),
  constraint tokens_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'operator'::text, 'admin'::text, 'node'::text, 'provisioner'::text]))),
  constraint tokens_sha256_key UNIQUE (sha256)
);

create table version_applications (
  gateway text not null,
  version integer not null,
  first_at timestamp with time zone,
  last_at timestamp with time zone,
  nodes integer not null default 0,
  refused_at timestamp with time zone,
  refusals integer not null default 0,
  refused_reasons jsonb,
  constraint version_applications_pkey PRIMARY KEY (gateway, version)
);

CREATE OR REPLACE FUNCTION public.archive_events(first_seq bigint, last_seq bigint, to_place text)
 RETURNS bigint
 LANGUAGE plpgsql
AS $function$
   declare gone bigint;
   begin
     perform 1 from projector where id = 1 for update;
     if first_seq <> (select coalesce(max(last), 0) + 1 from archives) or last_seq < first_seq
        or last_seq % 256 <> 0 or last_seq > (select log_size - 256 from projector where id = 1) then
       raise exception 'events % to % are not the next whole bundles of the log', first_seq, last_seq;
     end if;
     alter table events disable trigger keep_as_written;
     delete from events e
      where e.seq between first_seq and last_seq
        and e.type not in ('restored', 'event-repaired', 'person-erased') and e.kind <> 'Cluster'
        and not exists (
          select 1 from objects o
           where o.cluster = e.cluster and o.kind = e.kind and o.namespace = e.namespace and o.name = e.name
             and (o.seq = e.seq or o.kind in ('Gateway', 'Gateway.networking.x-k8s.io')));
     get diagnostics gone = row_count;
     alter table events enable trigger keep_as_written;
     delete from event_index i
      where i.seq between first_seq and last_seq and not exists (select 1 from events e where e.seq = i.seq);
     delete from event_names n where n.seq between first_seq and last_seq;
     delete from event_facts f where f.seq between first_seq and last_seq;
     delete from object_mentions m where m.until_seq <= last_seq;
     insert into archives (first, last, place, log_size, log_root)
     select first_seq, last_seq, to_place, log_size, log_root from projector where id = 1;
     return gone;
   end $function$;

CREATE OR REPLACE FUNCTION public.keep_as_written(kept regclass, refused text DEFAULT 'update or delete or truncate'::text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
   begin
     execute format(
       'create trigger keep_as_written before %s on %s for each statement execute function refuse_change()',
       refused, kept);
   end $function$;

CREATE OR REPLACE FUNCTION public.object_code(cluster text, kind text, namespace text, name text)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ select hashtextextended(cluster || '/' || kind || '/' || namespace || '/' || name, 0) $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
   begin
     raise exception 'the table % keeps what was written: % is refused', tg_table_name, lower(tg_op)
       using errcode = 'insufficient_privilege',
             hint = 'The history is evidence. docs/evidence.md says how people are erased and old events archived.';
   end $function$;

CREATE OR REPLACE FUNCTION public.word_code(word text)
 RETURNS integer
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
AS $function$ select coalesce(hashtext(word), 0) $function$;
