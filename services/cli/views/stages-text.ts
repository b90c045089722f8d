// Shows which stages a change ran: a line for each stage at each key, or for each stage where those are many.
import type { Cause, KeyRecord, Output, StageRecord } from '#libs/derivation/recorder.ts';
import type { StagesReport } from '../stages/stages-report.ts';
import { type Column, count, cut, type Look, tableOr } from './table.ts';

const keysShown = 50;
const namesShown = 3;
const keyWidth = 60;

const keyColumns: readonly Column<KeyRecord>[] = [
  { title: 'STAGE', cell: ({ stage }) => stage },
  { title: 'KEY', cell: ({ key }) => cut(key, keyWidth) },
  { title: 'RUNS', align: 'right', cell: ({ runs }) => String(runs) },
  { title: 'MS', align: 'right', cell: ({ ms }) => msText(ms) },
  { title: 'OUTPUT', cell: ({ output }) => outputWords[output] },
  { title: 'BECAUSE OF', cell: ({ causes }) => causesText(causes) },
];
const stageColumns: readonly Column<StageRecord>[] = [
  { title: 'STAGE', cell: ({ stage }) => stage },
  { title: 'RUNS', align: 'right', cell: ({ runs }) => String(runs) },
  { title: 'CHANGED', align: 'right', cell: ({ changed }) => String(changed) },
  { title: 'STOPPED', align: 'right', cell: ({ runs, changed }) => String(runs - changed) },
  { title: 'DROPPED', align: 'right', cell: ({ dropped }) => String(dropped) },
  { title: 'MS', align: 'right', cell: ({ ms }) => msText(ms) },
];
const outputWords: Readonly<Record<Output, string>> = {
  new: 'new',
  changed: 'changed',
  removed: 'removed',
  same: 'same: stops here',
  dropped: 'dropped: nobody reads it',
};

/** Writes the report. `all` shows every key, however many there are. */
export function stagesText(report: StagesReport, look: Pick<Look, 'width'>, all: boolean): string {
  const { stages, keys, leftOut } = report;
  const byKey = all || keys.length + leftOut <= keysShown;
  const rest = byKey
    ? leftOut > 0
      ? [`and ${leftOut} more, which only --output json sums up`]
      : []
    : [`${count(keys.length + leftOut, 'key')}; --all lists them`];
  return [
    report.change,
    `after ${count(report.before, 'event')}: ${sumText(stages)}`,
    '',
    byKey ? tableOr('no stage ran', keyColumns, keys, look) : tableOr('', stageColumns, stages, look),
    ...rest,
    '',
    ...outcomeLines(report),
  ].join('\n');
}

function sumText(stages: readonly StageRecord[]): string {
  const sum = (of: (stage: StageRecord) => number): number => stages.reduce((total, stage) => total + of(stage), 0);
  const [runs, changed] = [sum(({ runs: n }) => n), sum(({ changed: n }) => n)];
  const ran = `${count(stages.length, 'stage')} ran ${count(runs, 'time')} in ${msText(sum(({ ms }) => ms))} ms`;
  return `${ran}; ${count(changed, 'output')} changed, ${runs - changed} stopped`;
}

function outcomeLines({ versions, statuses, discovery }: StagesReport): readonly string[] {
  return [
    ...versions.map(
      ({ gateway, version, changes }) => `→ ${gateway} version ${version}: ${count(changes, 'entry', 'entries')}`,
    ),
    ...(statuses.length === 0 ? [] : [`→ ${count(statuses.length, 'status', 'statuses')}: ${namesText(statuses)}`]),
    ...(discovery.length === 0 ? [] : [`→ discovery: ${namesText(discovery)}`]),
    ...(versions.length + statuses.length + discovery.length === 0 ? ['→ nothing changes outside'] : []),
  ];
}

function namesText(names: readonly string[]): string {
  const shown = names.slice(0, namesShown).join(', ');
  return names.length > namesShown ? `${shown}, and ${names.length - namesShown} more` : shown;
}

function causesText(causes: readonly Cause[]): string {
  const [first, ...others] = causes;
  if (first === undefined) return '';
  const more = others.length === 0 ? '' : `, +${others.length}`;
  return `${first.type === 'wanted' ? 'wanted by ' : ''}${first.name} ${cut(first.key, keyWidth)}${more}`;
}

function msText(ms: number): string {
  return ms.toFixed(3);
}
