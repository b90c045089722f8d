// Notes for the history what a service was told, where that is not what the service was told before.
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Kysely } from 'kysely';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import type { Database } from './database.ts';
import { noteDeeds, readLastDeed } from './deeds.ts';

type Settings = Readonly<Record<string, string>>;

const reasonMax = 4000;

/** Notes the settings of a service that starts, unless the history or a note says that it has them already. */
export async function noteSettings(db: Kysely<Database>, service: string, settings: Settings): Promise<void> {
  const before = (await readNoted(db, service)) ?? (await readLastDeed(db, ['settings-changed'], service))?.settings;
  const changed = before === undefined ? undefined : changesOf(before, settings);
  if (changed?.length === 0) return;
  const reason = changed === undefined ? 'starts for the first time' : `starts with ${changed.join(', ')}`;
  const deed = {
    v: 1,
    type: 'settings-changed',
    id: `settings-changed:${randomUUID()}`,
    at: new Date().toISOString(),
    actor: null,
    from: hostname().slice(0, 253) || 'localhost',
    subject: service,
    reason: reason.slice(0, reasonMax),
    settings,
  } as const;
  await noteDeeds(db, [deed]);
}

/** Reads what a note says that is not in the history yet. */
async function readNoted(db: Kysely<Database>, service: string): Promise<Settings | undefined> {
  const rows = await db.selectFrom('deeds').select('data').orderBy('noted_at').orderBy('id').execute();
  return rows.map(({ data }) => settingsIn(data, service)).findLast((settings) => settings !== undefined);
}

function settingsIn(data: string, service: string): Settings | undefined {
  const parsed = parseDeedEvent(JSON.parse(data));
  if (!parsed.ok) return undefined;
  const { type, subject, settings } = parsed.value;
  return type === 'settings-changed' && subject === service ? settings : undefined;
}

/** Says each setting that differs: `forgetNodesAfter 3600000 instead of 86400000`. */
function changesOf(before: Settings, now: Settings): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].toSorted();
  return names
    .filter((name) => before[name] !== now[name])
    .map((name) => `${name} ${now[name] ?? 'left out'} instead of ${before[name] ?? 'none'}`);
}
