// Tests with a real projector that an erased person is gone from every answer, and that no event was changed.
import { Client } from 'pg';
import t from 'tap';
import { erasedName } from '#libs/events/private-text.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { logDifferences } from '#libs/testing/log-of-rows.ts';
import { type Teardown, testLogger, throwawayNats } from '#libs/testing/peers/throwaway.ts';
import { projectorOptions } from '../../projector/options.ts';
import { startProjector } from '../../projector/projector.ts';
import { runRebuild } from '../../projector/rebuild/rebuild.ts';
import { rebuildOptions } from '../../projector/rebuild/options.ts';
import { type Answer, base, call } from '../testing/api-client.ts';
import { type Fixture, startFixture } from '../testing/control-fixture.ts';

async function lead(test: Teardown, databaseUrl: string, natsUrl: string): Promise<() => Promise<void>> {
  const flags = { databaseUrl, natsUrl, port: '0' };
  const projector = await startProjector(
    readOptions(projectorOptions, flags, {}),
    testLogger(),
    new AbortController().signal,
  );
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= projector.stop());
  test.teardown(stop);
  return stop;
}

const erase = (fixture: Fixture, person: string, dryRun?: boolean): Promise<Answer> =>
  call(fixture, 'POST', `${base}/people/erase`, 'admin', dryRun === undefined ? { person } : { person, dryRun });

/** Tells whether everything that was noted is in the history. */
async function allTaken(client: Client): Promise<void> {
  const waiting = 'select (select count(*) from deeds) + (select count(*) from departed_nodes) as notes';
  await eventually(async () => (await client.query<{ notes: string }>(waiting)).rows[0]?.notes === '0');
}

const makeToken = async (fixture: Fixture, name: string): Promise<Readonly<Record<'id' | 'token', string>>> => {
  const { id, token } = (await call(fixture, 'POST', `${base}/tokens`, 'admin', { name, role: 'operator' })).body;
  return { id: String(id), token: String(token) };
};

/** Lets ann have two tokens, one of them revoked, and remove a node; anna has a token. */
async function letPeopleAct(fixture: Fixture, client: Client): Promise<{ works: string; revoked: string }> {
  const ann = await makeToken(fixture, 'ann');
  const second = await makeToken(fixture, 'ann');
  await makeToken(fixture, 'anna');
  await client.query(`insert into nodes values
    ('n1', '0.1.0', '{}', '[]', '[]', 'r1', false, 'live', now(), now() - interval '1 hour')`);
  await fetch(`${fixture.url}${base}/nodes/n1?reason=ann%20again`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${ann.token}` },
  });
  await call(fixture, 'DELETE', `${base}/tokens/${second.id}`, 'admin');
  await allTaken(client);
  return { works: ann.id, revoked: second.id };
}

async function begin(test: Teardown): Promise<{ fixture: Fixture; client: Client; stop: () => Promise<void> }> {
  const { url: natsUrl } = await throwawayNats(test);
  const fixture = await startFixture(test, natsUrl);
  const client = new Client({ connectionString: fixture.databaseUrl });
  await client.connect();
  test.teardown(() => client.end());
  return { fixture, client, stop: await lead(test, fixture.databaseUrl, natsUrl) };
}

const listed = async (fixture: Fixture): Promise<string> =>
  JSON.stringify((await call(fixture, 'GET', `${base}/events`)).body);

void t.test('a person is erased, and no event changes', async (t) => {
  const { fixture, client } = await begin(t);
  const ann = await letPeopleAct(fixture, client);
  const dry = await erase(fixture, 'ann');
  t.match(dry.body, { erased: false, inReasons: 1, revokedTokens: 1, activeTokens: 1 });
  t.match(dry.body['texts'], [{ shownAs: /^erased-[0-9a-f]{8}$/, events: 4 }]);
  const shownAs = String(dry.body['texts'][0].shownAs);
  t.match(await listed(fixture), /"ann"/);
  const { rows: before } = await client.query<{ seq: string }>('select seq, id, manager, data, leaf from events');

  t.match((await erase(fixture, 'ann', false)).body, { erased: true, revokedTokens: 1, activeTokens: 1 });
  t.match(await listed(fixture), shownAs, 'the next answer does not have it');
  await allTaken(client);
  const after = await listed(fixture);
  t.notMatch(after, /"ann"|\(ann,/);
  t.match(after, /\(anna,/);
  t.match(after, /ann again/, 'a reason stays');
  const { rows: now } = await client.query<{ data: string; manager: string; id: string }>(
    'select seq, id, manager, data, leaf from events where seq <= $1',
    [before.length],
  );
  t.same(now, before);
  // Settings are nobody's: they say where services listen.
  const people = now.filter(({ data }) => !data.includes('"settings-changed"'));
  const everything = JSON.stringify(people.map(({ data, manager, id }) => [data, manager, id]));
  t.notMatch(everything, /127\.0\.0\.1|\bann[",]|test admin/, 'the history has ids in the place of people');
  t.same(await logDifferences(client), []);
  const { rows: deeds } = await client.query<{ name: string; data: string }>(
    `select name, data from events where type = 'person-erased'`,
  );
  t.match(deeds, [{ name: /^private:/, data: /erased a text about a person that stands in 4 events/ }]);
  t.equal(erasedName(deeds[0]?.name ?? ''), shownAs);
  const tokens: { id: string; name: string }[] = (await call(fixture, 'GET', `${base}/tokens`, 'admin')).body['items'];
  t.equal(tokens.find(({ id }) => id === ann.revoked)?.name, shownAs);
  t.equal(tokens.find(({ id }) => id === ann.works)?.name, 'ann', 'it still works');
  t.match(await erase(fixture, shownAs), { status: 404 }, 'what is erased cannot be erased again');
});

void t.test('who comes back is somebody new, and what waits for the history is waited for', async (t) => {
  const { fixture, client, stop } = await begin(t);
  const ann = await letPeopleAct(fixture, client);
  const shownAs = (await erase(fixture, 'ann', false)).body['texts'][0].shownAs;
  await call(fixture, 'DELETE', `${base}/tokens/${ann.works}`, 'admin');
  await allTaken(client);
  const again = await erase(fixture, 'ann');
  t.match(again.body, { erased: false, texts: [{ events: 1 }], revokedTokens: 1, activeTokens: 0 });
  t.not(again.body['texts'][0].shownAs, shownAs);
  t.match(await erase(fixture, 'nobody'), { status: 404 });
  await stop();
  await makeToken(fixture, 'ann');
  const waits = { status: 409, body: { error: { message: /1 notes name this person/ } } };
  t.match(await erase(fixture, 'ann', false), waits);
  const lines: string[] = [];
  const options = readOptions(rebuildOptions, { databaseUrl: fixture.databaseUrl, verify: true }, {});
  await runRebuild(options, (line) => lines.push(line));
  t.match(lines.at(-1), /^identical: /);
});
