// Tests what the history says of the projector itself: when it began and ended to write, and what it was told.
import t from 'tap';
import { readOptions } from '#libs/runtime/config.ts';
import { settingsOf } from '#libs/runtime/settings.ts';
import { projectorOptions } from './options.ts';
import { TestFleet } from './testing/test-fleet.ts';

const deeds = (fleet: TestFleet) =>
  fleet.rows<{ type: string; reason: string; settings: Readonly<Record<string, string>> | null }>(
    `select type, data::jsonb->>'reason' as reason, data::jsonb->'settings' as settings from events
      where type in ('log-started', 'log-stopped', 'settings-changed') order by seq`,
  );

const started = (fleet: TestFleet, epoch: number): Promise<void> =>
  fleet.until(`exists (select 1 from events where type = 'log-started' and name = '${epoch}')`);

void t.test('beginning and end of each term, and settings that differ', async (t) => {
  const fleet = await TestFleet.open(t);
  const first = await fleet.projector();
  await started(fleet, 1);
  await first.stop();
  const second = await fleet.projector({ removedShareMax: '0.9' });
  await started(fleet, 2);
  await second.stop();
  const child = fleet.child({ FLEETGATE_REMOVED_SHARE_MAX: '0.9' });
  await started(fleet, 3);
  child.kill('SIGKILL');
  await fleet.projector();
  await started(fleet, 4);

  const events = await deeds(fleet);
  t.match(events, [
    { type: 'settings-changed', reason: 'starts for the first time', settings: { batchMax: '1000', lease: '15' } },
    {
      type: 'log-started',
      reason: /^\S+ writes the history under epoch 1, version \S+; it is the first that says so$/,
    },
    { type: 'log-stopped', reason: /^\S+ stops to write the history under epoch 1$/ },
    { type: 'settings-changed', reason: 'starts with removedShareMax 0.9 instead of none' },
    { type: 'log-started', reason: /; epoch 1 ended in order at 20/ },
    { type: 'log-stopped' },
    { type: 'log-started', reason: /; epoch 2 ended in order at 20/ },
    { type: 'settings-changed', reason: 'starts with removedShareMax left out instead of 0.9' },
    { type: 'log-started', reason: /; epoch 3, begun at 20\S+, ended without a word$/ },
  ]);
  t.equal(events.length, 9, 'the same settings are not told again');
  await fleet.verify();
});

void t.test('nothing that is secret is a setting', async (t) => {
  const flags = { databaseUrl: 'postgres://u:secret@h/d', natsUrl: 'nats://secret@h', natsToken: 'secret' };
  const settings = settingsOf(projectorOptions, readOptions(projectorOptions, flags, {}));
  t.notMatch(JSON.stringify(settings), /secret/);
  t.match(settings, { port: '7421', standbyUnready: 'false' });
});
