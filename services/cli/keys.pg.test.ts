// A node key that is made for a database is noted there before anybody has it.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { Client } from 'pg';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { throwawayPostgres } from '#libs/testing/peers/throwaway.ts';

const run = promisify(execFile);
const main = fileURLToPath(new URL('main.ts', import.meta.url));

void t.test('keys generate', async (t) => {
  const { url } = await throwawayPostgres(t);
  const flags = [main, 'keys', 'generate', '--output', 'json', '--database-url', url];
  const { keyId, privateKey } = JSON.parse((await run(process.execPath, flags)).stdout);
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ data: string }>(`select data from deeds where id like 'key-generated:%'`);
  await client.end();
  const deeds = rows.map(({ data }) => parseDeedEvent(JSON.parse(data)));
  t.match(deeds, [{ ok: true, value: { subject: keyId, reason: `generated the node key ${keyId}` } }]);
  t.notMatch(rows[0]?.data, String(privateKey));
  const closed = url.replace(/:\d+\//, ':9/');
  await t.rejects(run(process.execPath, [...flags.slice(0, -1), closed]), /Postgres/, 'no key without a note');
});
