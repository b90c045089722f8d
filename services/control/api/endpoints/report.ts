// Answers GET /report: events with what became of each.
import type { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { commandTypes } from '#libs/gateway/command-types.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import type { reportedChange } from '#libs/api/models/report.ts';
import { Problem } from '#libs/api/problem.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import { serve } from '../endpoint.ts';
import { absentPlace } from '../reads/absent-place.ts';
import { readEvents, readEventsWithPrevious, toObjectEvent } from '../reads/events.ts';
import { drawSample } from '../report/sample.ts';
import { type ChangedVersion, readChangedVersions } from '../report/versions.ts';

type ReportedChange = z.input<typeof reportedChange>;

const changeTypes: readonly string[] = ['applied', 'deleted', ...commandTypes, 'requested', 'approved', 'rejected'];
/** What a sample cannot be drawn from. */
const unsampled = [
  'after',
  'cluster',
  'kind',
  'namespace',
  'name',
  'type',
  'manager',
  'by',
  'tool',
  'host',
  'path',
  'gateway',
] as const;

export const listChanges = serve(endpoints.listChanges, async (api, { query }, caller) => {
  const { after, order, limit, manager, by: user, what, sample, seed, ...about } = query;
  if ((sample === undefined) !== (seed === undefined)) return new Problem('bad-request', 'sample and seed go together');
  let page: Awaited<ReturnType<typeof readEvents>>;
  if (sample !== undefined && seed !== undefined) {
    const others = unsampled.filter((name) => query[name] !== undefined);
    if (others.length > 0)
      return new Problem('bad-request', `a sample is of all changes of a time: leave out ${others.join(', ')}`);
    const seqs = await drawSample(api.db, { ...about, types: changeTypes, size: sample, seed });
    page = { rows: await readEventsWithPrevious(api.db, seqs), next: null };
  } else {
    const managers = manager === undefined ? undefined : await api.personal.namesOf(manager, caller);
    const by = user === undefined ? undefined : await api.personal.namesOf(user, caller);
    page = await readEvents(api.db, { ...about, managers, by }, { after, order, limit }, 'with bodies');
    if (page.rows.length === 0 && page.next === null) {
      const absent = await absentPlace(api.db, { cluster: query.cluster });
      if (absent !== undefined) return absent;
    }
  }
  const rows = page.rows.filter(({ type }) => what === 'all' || changeTypes.includes(type));
  const versions = await readChangedVersions(
    api.db,
    rows.map(({ seq }) => seq),
  );
  return { items: rows.map((row) => toChange(row, versions.get(row.seq) ?? [])), next: page.next };
});

function toChange(row: Parameters<typeof toObjectEvent>[0], versions: readonly ChangedVersion[]): ReportedChange {
  const event = toObjectEvent(row);
  return { event, outcome: outcomeOf(event, versions), ...peopleOf(row), versions: [...versions] };
}

function outcomeOf(event: ReportedChange['event'], versions: readonly ChangedVersion[]): ReportedChange['outcome'] {
  if (event.type === 'requested') return 'waiting';
  if (event.outcome !== null) return event.outcome.result;
  if (event.type !== 'applied' && event.type !== 'deleted') return 'done';
  if (versions.length === 0) return 'no version';
  if (versions.some(({ rolledBackBy }) => rolledBackBy !== null)) return 'rolled back';
  if (versions.some(({ applied }) => applied !== null)) return 'applied';
  return versions.some(({ refused }) => refused !== null) ? 'refused by nodes' : 'not applied';
}

/** Says who asked for a command and who confirmed it. */
function peopleOf({
  type,
  manager,
  data,
}: Parameters<typeof toObjectEvent>[0]): Pick<ReportedChange, 'requester' | 'approver'> {
  if (type === 'applied' || type === 'deleted' || !changeTypes.includes(type))
    return { requester: null, approver: null };
  const parsed = parseOperatorEvent(parseJson(data));
  if (!parsed.ok || !('command' in parsed.value) || type === 'requested') return { requester: manager, approver: null };
  return { requester: parsed.value.command?.actor.name ?? null, approver: type === 'approved' ? manager : null };
}
