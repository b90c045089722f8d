// Holds on a real NATS and a real Postgres that later facts get into the history beside their changes, whichever comes
// first; that they fold into nothing; and that none is taken twice, from another cluster, or out of bounds.
import t from 'tap';
import { changeMessageId, attributionSubject, streamName } from '#libs/events/subjects.ts';
import { attributed, request, traced } from '#libs/testing/given/change-facts.ts';
import * as shop from '../testing/shop.ts';
import { TestFleet } from '../testing/test-fleet.ts';

const namesSql = `select n.what, coalesce(p.text, n.name) as name, e.id
  from event_names n join events e on e.seq = n.seq left join private_texts p on p.id = n.name order by 3, 1, 2`;

void t.test('facts before, with and after their changes are found from them, and fold into nothing', async (t) => {
  const fleet = await TestFleet.open(t);
  const [early, same, late] = [shop.route('early', 1), shop.route('same', 1), shop.route('late', 1)];
  await fleet.projector();
  await fleet.send(...shop.platform(), late);
  await fleet.settled();
  await fleet.sendFacts(attributed(early, 'verified', request('alice')));
  await fleet.settled();
  const before = await fleet.rows('select version, digest from snapshots order by version');
  await fleet.sendFacts(attributed(late, 'unknown'), traced(late), attributed(late, 'verified', request('bob')));
  await fleet.sendFacts(attributed(late, 'admission', request('carol', { auditId: 'review' })));
  await fleet.settled();
  t.strictSame(await fleet.rows('select version, digest from snapshots order by version'), before, 'no version');
  await fleet.sendFacts(attributed(same, 'one-of', request('dan'), request('erin')));
  await fleet.send(same, early);
  await fleet.settled();
  t.strictSame(await fleet.rows(namesSql), [
    ...['alice', 'kubectl'].map((name) => ({
      what: name === 'alice' ? 'by' : 'tool',
      name,
      id: changeMessageId(early),
    })),
    { what: 'by', name: 'bob', id: changeMessageId(late) },
    { what: 'by', name: 'carol', id: changeMessageId(late) },
    { what: 'tool', name: 'argocd', id: changeMessageId(late) },
    { what: 'tool', name: 'kubectl', id: changeMessageId(late) },
    { what: 'by', name: 'dan', id: changeMessageId(same) },
    { what: 'by', name: 'erin', id: changeMessageId(same) },
    { what: 'tool', name: 'kubectl', id: changeMessageId(same) },
  ]);
  const best = `select e.data::json ->> 'certainty' as certainty from event_facts f join events e on e.seq = f.seq
    where f.change_id = $1 and f.type = 'attributed' order by f.rank desc, f.seq desc limit 1`;
  t.strictSame(await fleet.rows(best, changeMessageId(late)), [{ certainty: 'verified' }]);
  const stored = await fleet.rows<{ data: string }>(`select data from events where type in ('attributed', 'traced')`);
  t.equal(stored.length, 6);
  for (const { data } of stored) t.notMatch(data, /alice|bob|carol|192\.0\.2\.7/, 'texts about people are kept apart');
  t.match(stored[0]?.data, /"username":"private:[0-9a-f]{64}"/);
  const seqs = await fleet.rows<{ seq: string }>('select seq from events order by seq');
  t.same(
    seqs.map(({ seq }) => Number(seq)),
    seqs.map((_, index) => index + 1),
  );
  await fleet.verify();
});

void t.test('what is told again is told once, over batches and after the stream is read anew', async (t) => {
  const fleet = await TestFleet.open(t);
  const projector = await fleet.projector();
  const route = shop.route('a', 1);
  const fact = attributed(route, 'verified', request('alice'));
  await fleet.send(...shop.platform(), route);
  await fleet.sendFacts(fact, fact, traced(route), traced(route));
  await fleet.settled();
  await fleet.sendFacts({ ...fact, seenAt: '2026-02-02T00:00:00Z' });
  await fleet.settled();
  await projector.stop();
  await fleet.rows('update projector set stream_seq = 0, stream_created = null, stream_stored_at = null');
  await fleet.projector();
  await fleet.settled();
  t.strictSame(
    await fleet.rows(`select type, count(*)::int as n from events where type in ('attributed', 'traced') group by 1
      order by 1`),
    [
      { type: 'attributed', n: 1 },
      { type: 'traced', n: 1 },
    ],
  );
  await fleet.verify();
});

void t.test('facts of other clusters, of no change, and hostile ones are refused; the rest goes on', async (t) => {
  const fleet = await TestFleet.open(t);
  const { port } = await fleet.projector();
  const route = shop.route('a', 1);
  const fact = attributed(route, 'verified', request('alice'));
  await fleet.send(...shop.platform(), ...shop.platform('us'), route);
  await fleet.sendFacts({ ...fact, clusterUid: 'uid-of-another' });
  await fleet.sendRaw(attributionSubject('us'), fact);
  await fleet.sendRaw(attributionSubject('us'), { ...fact, cluster: 'us', clusterUid: 'uid-of-us' });
  await fleet.sendFacts({ ...fact, change: `eu/another/1` });
  await fleet.sendFacts({ ...fact, kind: 'EndpointSlice' });
  await fleet.sendFacts(attributed(route, 'one-of', ...Array.from({ length: 17 }, (_, n) => request(`u${n}`))));
  await fleet.sendFacts(attributed(route, 'verified', request('a\0b')), traced(route, { application: '\0' }));
  await fleet.sendFacts(attributed(route, 'verified', request('x'.repeat(2000))), traced(route, { source: '' }));
  await fleet.sendFacts({ ...fact, seenAt: '-000001-01-01T00:00:00Z' });
  await fleet.sendRaw(attributionSubject('eu'), { v: 2, type: 'attributed' });
  await fleet.sendRaw(attributionSubject('eu'), []);
  await fleet.sendFacts(attributed(route, 'verified', request('\ud800')));
  await fleet.settled();
  t.match(await fleet.rows(`select count(*)::int as n from events where type in ('attributed', 'traced')`), [{ n: 1 }]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  t.match(metrics, /dropped_total\{reason="malformed",service="projector"\} 12/);
  t.match(metrics, /dropped_total\{reason="refused",service="projector"\} 1/);
  t.match(metrics, /dropped_total\{reason="poison",service="projector"\} 0/);
  await fleet.verify();
});

void t.test('a stream from before gets the subject', async (t) => {
  const fleet = await TestFleet.open(t);
  const old = { name: streamName, subjects: ['fleetgate.change.*', 'fleetgate.operator'], storage: 'file' };
  const created = await fleet.nats.request(`$JS.API.STREAM.CREATE.${streamName}`, old, { timeoutMs: 5000 });
  t.match(created, { config: { subjects: old.subjects } });
  await fleet.projector();
  await fleet.until('exists (select from projector where stream_created is not null)');
  const route = shop.route('a', 1);
  await fleet.send(route);
  await fleet.sendFacts(attributed(route, 'verified', request('alice')));
  await fleet.settled();
  t.match(await fleet.rows(`select type from events where cluster = 'eu' order by type`), [
    { type: 'applied' },
    { type: 'attributed' },
  ]);
});
