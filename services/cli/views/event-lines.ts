// Writes events for other tools, a line for each: JSON Lines, CSV (RFC 4180), CEF (ArcSight Common Event Format, as
// SIEM systems read it), or plain text. Pure.
import type { HistoryEvent } from '../client/event-reads.ts';
import { authorText, claimText } from './author-text.ts';
import { eventDeed, eventObject, eventReason, whyText } from './event-table.ts';
import { oneLine } from './table.ts';

/** The forms that can be asked for. */
export const eventForms = ['jsonl', 'csv', 'cef', 'text'] as const;

export type EventForm = (typeof eventForms)[number];

/** Says what writes an event of each form: `version` is Fleetgate's. */
const writers: Readonly<Record<EventForm, (event: HistoryEvent, version: string) => string>> = {
  jsonl: (event) => JSON.stringify(event),
  csv: (event) =>
    columnsOf(event.bodies !== undefined)
      .map(([, cell]) => csvCell(cell(event)))
      .join(','),
  cef: cefLine,
  text: textLine,
};

/** Writes the lines that come before the first event; `bodies` says whether the events have bodies. */
export function headerLines(form: EventForm, { bodies }: { readonly bodies: boolean }): readonly string[] {
  return form === 'csv'
    ? [
        columnsOf(bodies)
          .map(([title]) => title)
          .join(','),
      ]
    : [];
}

/** Writes one event. */
export function eventLine(form: EventForm, event: HistoryEvent, version: string): string {
  return writers[form](event, version);
}

const csvColumns: readonly (readonly [title: string, cell: (event: HistoryEvent) => string])[] = [
  ['seq', ({ seq }) => seq],
  ['recordedAt', ({ recordedAt }) => recordedAt],
  ['claimedAt', ({ at }) => at],
  ['type', ({ type }) => type],
  ['cluster', ({ cluster }) => cluster],
  ['kind', ({ kind }) => kind],
  ['namespace', ({ namespace }) => namespace],
  ['name', ({ name }) => name],
  ['uid', ({ uid }) => uid],
  ['by', ({ changedBy }) => changedBy?.manager ?? ''],
  ['as', ({ changedBy }) => changedBy?.operation ?? ''],
  ['from', ({ from }) => from ?? ''],
  ['to', ({ to }) => String(to ?? '')],
  ['result', ({ outcome }) => outcome?.result ?? ''],
  ['reason', (event) => eventReason(event) ?? ''],
  ['ticket', ({ ticket }) => ticket ?? ''],
  ['requestedBy', ({ confirmation }) => confirmation?.requestedBy ?? ''],
  ['certainty', ({ certainty }) => certainty],
  ['user', ofRequests(({ user }) => user)],
  ['impersonator', ofRequests(({ impersonator }) => impersonator ?? '')],
  ['groups', ofRequests(({ groups }) => groups.join(' '))],
  ['userAgent', ofRequests(({ userAgent }) => userAgent)],
  ['sourceAddress', ofRequests(({ sourceAddresses }) => sourceAddresses.join(' '))],
  ['auditId', ofRequests(({ auditId }) => auditId)],
  ['tool', ofRequests(({ tool }) => tool)],
  ['role', ofRequests(({ role }) => role ?? '')],
  ['claim', claimText],
];

const bodyColumns: typeof csvColumns = [
  ['before', ({ bodies }) => bodyText(bodies?.before)],
  ['after', ({ bodies }) => bodyText(bodies?.after)],
];

function columnsOf(bodies: boolean): typeof csvColumns {
  return bodies ? [...csvColumns, ...bodyColumns] : csvColumns;
}

function bodyText(body: NonNullable<HistoryEvent['bodies']>['before'] | undefined): string {
  return body === null || body === undefined ? '' : JSON.stringify(body);
}

/** Writes something of each request, in their order, between semicolons; nothing where no request has it. */
function ofRequests(cell: (request: HistoryEvent['requests'][number]) => string): (event: HistoryEvent) => string {
  return ({ requests }) => {
    const cells = requests.map(cell);
    return cells.every((text) => text === '') ? '' : cells.join('; ');
  };
}

/** A cell that a spreadsheet would take for a formula begins with an apostrophe: anyone in a cluster may write it. */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What was refused, or took something away, is of more weight. */
const cefSeverities: ReadonlyMap<string, number> = new Map([
  ['deleted', 4],
  ['rollback', 5],
  ['accept', 5],
  ['approved', 5],
  ['token-created', 5],
  ['token-revoked', 5],
  ['event-repaired', 6],
  ['settings-changed', 5],
  ['requests-denied', 6],
  ['logins-refused', 7],
  ['checkpoint-refused', 8],
  ['restored', 8],
]);

/** An admin went without the confirmation that was wanted. */
const bypassedSeverity = 8;

function cefLine(event: HistoryEvent, version: string): string {
  const { seq, type, recordedAt, at, cluster, kind, namespace, name, uid, to, from, outcome, ticket } = event;
  const { requestedBy = null, bypassed = false } = event.confirmation ?? {};
  const header = ['Fleetgate', 'fleetgate', version, type, eventDeed(event)].map(cefHeader);
  const fields: readonly (readonly [string, string | null])[] = [
    ['rt', String(Date.parse(recordedAt))],
    ['externalId', seq],
    ...cefAuthor(event),
    ['shost', from],
    ['deviceCustomDate1Label', 'claimedAt'],
    ['deviceCustomDate1', String(Date.parse(at))],
    ['cn1Label', to === null ? null : 'version'],
    ['cn1', to === null ? null : String(to)],
    ['cs6Label', uid === '' ? null : 'uid'],
    ['cs6', uid],
    ['outcome', outcome === null ? null : cefOutcome(outcome.result)],
    ['reason', eventReason(event)],
    ['cs1Label', cluster === '' ? null : 'cluster'],
    ['cs1', cluster],
    ['cs2Label', 'kind'],
    ['cs2', kind],
    ['cs3Label', namespace === '' ? null : 'namespace'],
    ['cs3', namespace],
    ['cs4Label', name === '' ? null : 'name'],
    ['cs4', name],
    ['cs5Label', ticket === null ? null : 'ticket'],
    ['cs5', ticket],
    ['flexString1Label', requestedBy === null ? null : 'requestedBy'],
    ['flexString1', requestedBy],
    ['flexString2Label', 'certainty'],
    ['flexString2', event.certainty],
    ['auditId', event.requests.map(({ auditId }) => auditId).join(' ')],
    ['claim', claimText(event)],
    ['before', bodyText(event.bodies?.before)],
    ['after', bodyText(event.bodies?.after)],
  ];
  const given = fields.flatMap(([key, value]) => (value === null || value === '' ? [] : [`${key}=${cefValue(value)}`]));
  const severity = bypassed ? bypassedSeverity : (cefSeverities.get(type) ?? 3);
  return `CEF:0|${[...header, String(severity)].join('|')}|${given.join(' ')}`;
}

/** Only of one request that is sure does the source speak; else it is who the manager says it is. */
function cefAuthor({ changedBy, certainty, requests }: HistoryEvent): readonly (readonly [string, string | null])[] {
  const request = requests.find(({ role }) => role !== 'finalizer') ?? requests[0];
  if (request === undefined || certainty === 'one of')
    return [
      ['suser', changedBy?.manager ?? null],
      ['spriv', changedBy?.operation ?? null],
    ];
  const { user, impersonator, groups, userAgent, sourceAddresses } = request;
  return [
    ['suser', impersonator ?? user],
    ['duser', impersonator === null ? null : user],
    ['spriv', groups.join(' ')],
    ['requestClientApplication', userAgent],
    ['src', sourceAddresses[0] ?? null],
  ];
}

function cefOutcome(result: NonNullable<HistoryEvent['outcome']>['result']): string {
  if (result === 'denied') return 'denied';
  return result === 'done' ? 'success' : 'failure';
}

function cefHeader(text: string): string {
  return oneLine(text).replaceAll(/[\\|]/g, String.raw`\$&`);
}

function cefValue(text: string): string {
  return oneLine(text).replaceAll(/[\\=]/g, String.raw`\$&`);
}

function textLine(event: HistoryEvent): string {
  const author = authorText(event);
  const by = author === '-' ? ', author unknown' : ` by ${author} (${event.certainty})`;
  const reasons = [whyText(event), claimText(event)].filter((text) => text !== '').join('; ');
  const why = reasons === '' ? '' : `: ${reasons}`;
  return oneLine(`${event.recordedAt} #${event.seq} ${eventDeed(event)} ${eventObject(event)}${by}${why}`);
}
