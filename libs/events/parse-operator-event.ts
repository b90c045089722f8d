// Reads operator events from outside: unknown JSON becomes an OperatorEvent of the newest version, or the list of what
// is wrong with it.
import { type CommandType, commandTypes, isCommandType } from '#libs/gateway/command-types.ts';
import {
  type GatewayCommand,
  type OperatorEvent,
  type SeenStanding,
  type StoredOutcome,
  operatorTypes,
} from './operator-event.ts';
import { upcast } from './upcast.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const text = { min: 1, max: 253 };
const versionMax = 2_147_483_647;
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
  if (at.field('v').integer(2, 2) === undefined) return at.field('v').problem('is not a known version');
  const type = at.field('type').requiredText() ?? '';
  if (isCommandType(type)) return readCommand(at, type);
  const base = readBase(at);
  if (type === 'requested') {
    const command = readNested(at.field('command'));
    const seen = readSeen(at.field('seen'));
    return command === undefined || seen === undefined ? undefined : { ...base, type, command, seen };
  }
  if (type === 'approved' || type === 'rejected') {
    const command = at.field('command').present ? readNested(at.field('command')) : undefined;
    return { ...base, type, request: at.field('request').requiredText(text) ?? '', ...defined('command', command) };
  }
  return at.field('type').problem(`is not one of ${operatorTypes.join(', ')}`);
}

function readNested(at: Cursor): GatewayCommand | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const type = at.field('type').requiredText() ?? '';
  if (isCommandType(type)) return readCommand(at, type);
  return at.field('type').problem(`is not one of ${commandTypes.join(', ')}`);
}

function readCommand(at: Cursor, type: CommandType): GatewayCommand {
  const base = {
    ...readBase(at),
    ...defined('confirm', at.field('confirm').boolean()),
    ...defined('breakGlass', at.field('breakGlass').boolean()),
  };
  if (type !== 'rollback') return { ...base, type };
  const to = at.field('to').integer(1, versionMax) ?? null;
  return { ...base, type, to, ...defined('digest', at.field('digest').text(text)) };
}

function readBase(at: Cursor) {
  const actor = at.field('actor');
  actor.requiredObject();
  return {
    v: 2,
    id: at.field('id').requiredText(text) ?? '',
    gateway: at.field('gateway').requiredText(gatewayId) ?? '',
    actor: {
      name: actor.field('name').requiredText(text) ?? '',
      role: actor.field('role').requiredText(text) ?? '',
    },
    at: at.field('at').requiredTime() ?? '',
    expiresAt: at.field('expiresAt').requiredTime() ?? '',
    ...defined('expect', at.field('expect').integer(1, versionMax)),
    ...defined('force', at.field('force').boolean()),
    ...defined('reason', at.field('reason').text({ max: 1000 })),
    ...defined('ticket', at.field('ticket').text({ max: 200 })),
    ...defined('from', at.field('from').text({ max: 253 })),
    ...defined('outcome', readOutcome(at.field('outcome'))),
  } as const;
}

function readSeen(at: Cursor): SeenStanding | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const serving = at.field('serving').integer(0, versionMax) ?? 0;
  const head = at.field('head').integer(0, versionMax) ?? 0;
  return { serving, head, held: at.field('held').text(text) ?? null };
}

function readOutcome(at: Cursor): StoredOutcome | undefined {
  if (at.object() === undefined) return undefined;
  const result = at.field('result').oneOf(['done', 'refused', 'expired']);
  if (result === undefined) return undefined;
  if (result === 'done') return { result, ...defined('replaced', at.field('replaced').integer(0, versionMax)) };
  const code = at.field('code').requiredText(text) ?? '';
  return { result, code, message: at.field('message').requiredText({ max: 8192 }) ?? '' };
}

/** The field, where it is there. */
function defined<K extends string, V>(name: K, value: V | undefined): { readonly [key in K]?: V } {
  const none: { readonly [key in K]?: V } = {};
  return value === undefined ? none : { ...none, [name]: value };
}
