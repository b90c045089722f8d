// Reads deed events from notes and from the history: unknown JSON becomes a DeedEvent, or the list of what is wrong
// with it.
import { type DeedEvent, type DeedOutcome, deedTypes } from './deed-event.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const outcomes: readonly DeedOutcome[] = ['success', 'failure', 'denied'];
const settingsMax = 200;
const text = { min: 1, max: 253 };
/** An event is at most one message of NATS. */
const repairedMax = 8 * 1024 * 1024;

/** Reads one deed event. */
export function parseDeedEvent(json: unknown): Parsed<DeedEvent> {
  const problems: Problem[] = [];
  const at = new Cursor(json, '', problems);
  at.requiredObject();
  if (at.field('v').integer(1, 1) === undefined) at.field('v').problem('is not a known version');
  const type = at.field('type').oneOf(deedTypes);
  if (type === undefined) at.field('type').problem('is no deed');
  const actor = at.field('actor');
  const why = at.field('why').text({ max: 1000 });
  const repaired = at.field('repaired').text({ max: repairedMax });
  const outcome = at.field('outcome').oneOf(outcomes);
  const settings = at.field('settings');
  const shown = at.field('shown').text({ min: 1, max: 63 });
  const value: DeedEvent = {
    v: 1,
    type: type ?? 'migrated',
    id: at.field('id').requiredText({ min: 1, max: 1000 }) ?? '',
    at: at.field('at').requiredText({ min: 1, max: 64 }) ?? '',
    actor:
      actor.object() === undefined
        ? null
        : {
            name: actor.field('name').requiredText(text) ?? '',
            role: actor.field('role').requiredText(text) ?? '',
          },
    from: at.field('from').requiredText(text) ?? '',
    subject: at.field('subject').text({ max: 1000 }) ?? '',
    reason: at.field('reason').requiredText({ min: 1, max: 4096 }) ?? '',
    ...(why === undefined ? {} : { why }),
    ...(repaired === undefined ? {} : { repaired }),
    ...(outcome === undefined ? {} : { outcome }),
    ...(settings.present ? { settings: settings.stringMap(settingsMax) } : {}),
    ...(shown === undefined ? {} : { shown }),
  };
  if (Number.isNaN(Date.parse(value.at))) at.field('at').problem('is not a time');
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value };
}
