// Reads operator events from outside: unknown JSON becomes an OperatorEvent of the newest version, or the list of what
// is wrong with it.
import type { OperatorEvent } from './operator-event.ts';
import { upcast } from './upcast.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const text = { min: 1, max: 253 };
const gatewayId = {
  max: 400,
  pattern: /^[a-z0-9][-a-z0-9]*\/[^/\s]+\/[^/\s]+$/,
  expected: 'a gateway as cluster/namespace/name',
};

/** Reads one operator event, of any version that ever was. */
export function parseOperatorEvent(json: unknown): Parsed<OperatorEvent> {
  const problems: Problem[] = [];
  const event = readEvent(new Cursor(upcast('operator', json), '', problems));
  return event === undefined || problems.length > 0 ? { ok: false, problems } : { ok: true, value: event };
}

function readEvent(at: Cursor): OperatorEvent | undefined {
  if (at.requiredObject() === undefined) return undefined;
  if (at.field('v').integer(1, 1) === undefined) return at.field('v').problem('is not a known version');
  const actor = at.field('actor');
  actor.requiredObject();
  const reason = at.field('reason').text({ max: 1000 });
  const base = {
    v: 1,
    id: at.field('id').requiredText(text) ?? '',
    gateway: at.field('gateway').requiredText(gatewayId) ?? '',
    actor: {
      name: actor.field('name').requiredText(text) ?? '',
      role: actor.field('role').requiredText(text) ?? '',
    },
    at: at.field('at').requiredText({ min: 1, max: 64 }) ?? '',
    ...(reason === undefined ? {} : { reason }),
  } as const;
  if (Number.isNaN(Date.parse(base.at))) at.field('at').problem('is not a time');
  switch (at.field('type').requiredText() ?? '') {
    case 'rollback':
      return { ...base, type: 'rollback', to: at.field('to').integer(1, 2_147_483_647) ?? null };
    case 'release':
      return { ...base, type: 'release' };
    case 'accept':
      return { ...base, type: 'accept' };
    default:
      return at.field('type').problem('is not one of rollback, release, accept');
  }
}
