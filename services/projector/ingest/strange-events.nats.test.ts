// Holds that nothing is appended that a reader of the history could not read, or that the inventory would not list.
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { inventorySubject } from '#libs/events/subjects.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { eventually } from '#libs/testing/eventually.ts';
import * as shop from '../testing/shop.ts';
import { TestFleet } from '../testing/test-fleet.ts';

void t.test('events without a hash, with another one, and of versions that are not read', async (t) => {
  const fleet = await TestFleet.open(t);
  const { port } = await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('good', 1));
  const { hash: _, ...hashless } = shop.route('hashless', 1);
  await fleet.sendRaw('fleetgate.change.eu', hashless);
  await fleet.sendRaw('fleetgate.change.eu', { ...shop.route('empty', 1), hash: '' });
  const lying = shop.route('lying', 1);
  await fleet.send({ ...lying, hash: '0'.repeat(64) });
  await fleet.send(written(shop.route('group', 1), 'example.com/v1'), written(shop.route('later', 1), 'v1'));
  await fleet.send(written(shop.route('future', 1), 'gateway.networking.k8s.io/v9'));
  await fleet.send(shop.route('last', 1));
  await fleet.settled();
  t.match(await fleet.rows(`select name from events where kind = 'HTTPRoute' order by seq`), [
    { name: 'good' },
    { name: 'lying' },
    { name: 'last' },
  ]);
  const trueHash = lying.object === null ? '' : hashObject(lying.object);
  t.match(
    await fleet.rows(`select hash, (select data::json ->> 'hash' from events where name = 'lying') as event
    from objects where name = 'lying'`),
    [{ hash: trueHash, event: trueHash }],
  );
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  t.match(metrics, /dropped_total\{reason="malformed",service="projector"\} 5/);
  const page = Object(
    await eventually(() =>
      fleet.nats.request(inventorySubject('eu'), { clusterUid: 'uid-of-eu' }, { timeoutMs: 1000 }),
    ),
  );
  const [stored] = await fleet.rows<{ n: number }>('select count(*)::int as n from objects');
  t.equal(page.items.length, stored?.n, 'the inventory lists what is stored');
  await fleet.verify();
});

void t.test('policies of other gateways are of the group of their kind, in any version', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('cart', 1));
  const targetRefs = [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'cart' }];
  const policy = (apiVersion: string, name: string): ChangeEvent =>
    applied({ apiVersion, kind: 'SecurityPolicy', metadata: { name, namespace: 'shop' }, spec: { targetRefs } });
  const other = policy('gateway.envoyproxy.io/v1', 'other');
  const login = policy('gateway.envoyproxy.io/v1alpha1', 'login');
  await fleet.send({ ...other, kind: 'SecurityPolicy.example.com' }, login);
  await fleet.settled();
  t.match(await fleet.rows(`select kind, name from objects where kind like 'SecurityPolicy%'`), [
    { kind: 'SecurityPolicy.gateway.envoyproxy.io', name: 'login' },
  ]);
  const [route] = await fleet.rows<{ status: unknown }>(`select status from statuses where name = 'cart'`);
  t.match(JSON.stringify(route?.status), /SecurityPolicy of gateway.envoyproxy.io, shop\/login, is not served here/);
  await fleet.verify();
});

function written(event: ChangeEvent, apiVersion: string): ChangeEvent {
  return event.object === null ? event : { ...event, object: { ...event.object, apiVersion } };
}
