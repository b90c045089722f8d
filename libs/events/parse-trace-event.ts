// Reads traces from outside: unknown JSON becomes a TraceEvent, or the list of what is wrong with it.
import { type TraceEvent, traceTools } from './trace-event.ts';
import { readFactPlace } from './fact-place.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const claim = { max: 1024 };
const place = { min: 1, max: 600 };

/** Reads one trace. */
export function parseTraceEvent(json: unknown): Parsed<TraceEvent> {
  const problems: Problem[] = [];
  const event = readEvent(new Cursor(json, '', problems));
  return event === undefined || problems.length > 0 ? { ok: false, problems } : { ok: true, value: event };
}

function readEvent(at: Cursor): TraceEvent | undefined {
  if (at.requiredObject() === undefined) return undefined;
  if (at.field('v').integer(1, 1) === undefined) return at.field('v').problem('is not a known version');
  if (at.field('type').oneOf(['traced']) === undefined) return at.field('type').problem('is no trace');
  const about = readFactPlace(at);
  if (about === undefined) return undefined;
  const tool = at.field('tool').oneOf(traceTools);
  if (tool === undefined) return at.field('tool').problem('is no known tool');
  const revision = at.field('revision').text(claim);
  return {
    v: 1,
    type: 'traced',
    ...about,
    tool,
    application: at.field('application').requiredText(place) ?? '',
    ...(revision === undefined ? {} : { revision }),
    ...readCommit(at.field('commit')),
    ...readStarter(at.field('initiatedBy')),
    source: at.field('source').requiredText(place) ?? '',
  };
}

function readCommit(at: Cursor): Pick<TraceEvent, 'commit'> {
  if (at.object() === undefined) return {};
  const [author, message, when] = ['author', 'message', 'at'].map((field) => at.field(field).text(claim) ?? '');
  return { commit: { author: author ?? '', message: message ?? '', at: when ?? '' } };
}

function readStarter(at: Cursor): Pick<TraceEvent, 'initiatedBy'> {
  if (at.object() === undefined) return {};
  const username = at.field('username').text(claim) ?? '';
  return { initiatedBy: { username, automated: at.field('automated').boolean() ?? false } };
}
