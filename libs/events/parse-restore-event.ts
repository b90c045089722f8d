// Reads restore events from the history: unknown JSON becomes a RestoreEvent, or the list of what is wrong with it.
import type { RestoreEvent } from './restore-event.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const numberMax = 2_147_483_647;

/** Reads one restore event. */
export function parseRestoreEvent(json: unknown): Parsed<RestoreEvent> {
  const problems: Problem[] = [];
  const at = new Cursor(json, '', problems);
  at.requiredObject();
  if (at.field('v').integer(1, 1) === undefined) at.field('v').problem('is not a known version');
  if (at.field('type').text() !== 'restored') at.field('type').problem('is not restored');
  const above = at.field('above');
  const gateways = isRecord(json) && isRecord(json['above']) ? Object.keys(json['above']) : [];
  const value: RestoreEvent = {
    v: 1,
    type: 'restored',
    id: at.field('id').requiredText({ min: 1, max: 1000 }) ?? '',
    at: at.field('at').requiredText({ min: 1, max: 64 }) ?? '',
    reason: at.field('reason').requiredText() ?? '',
    skip: at.field('skip').integer(0, numberMax) ?? 0,
    above: Object.fromEntries(gateways.map((name) => [name, above.field(name).integer(1, numberMax) ?? 0])),
  };
  if (Number.isNaN(Date.parse(value.at))) at.field('at').problem('is not a time');
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value };
}
