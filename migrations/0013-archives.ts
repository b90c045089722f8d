// Lets old events leave the database for an archive, by one way that only the owner of the tables has: the function
// refuses what is not whole bundles of the log, keeps what is needed as rows, and notes what left.
import { type Kysely, sql } from 'kysely';

const statements = [
  `create table archives (
     first bigint primary key,
     last bigint not null,
     place text not null,
     log_size bigint not null,
     log_root bytea not null,
     at timestamptz not null default clock_timestamp())`,
  `create table archived_versions (
     gateway text not null,
     file text not null,
     versions int4multirange not null,
     place text not null,
     primary key (gateway, file))`,
  // Rows stay: the newest event of each object that there is, every event of a Gateway that there is, and what is
  // looked up whatever its age.
  `create function archive_events(first_seq bigint, last_seq bigint, to_place text) returns bigint
   language plpgsql as $$
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
   end $$`,
  `revoke all on function archive_events from public`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
