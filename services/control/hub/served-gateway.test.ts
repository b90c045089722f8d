// Any way through versions: a delta from any of them leads a node to the newest, and the texts say so.
import * as fc from 'fast-check';
import t from 'tap';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { parseHubText } from '#libs/protocol/parse-hub-message.ts';
import type { Held } from '#libs/protocol/messages.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import { backendEntry } from '../testing/some-entries.ts';
import { EntryPool } from './entry-pool.ts';
import { DigestMismatch, type EntryRow, ServedGateway } from './served-gateway.ts';

const gateway = 'eu/infra/web';
type Content = ReadonlyMap<string, string>;

function rowOf(key: string, service: string | null): EntryRow {
  const json = service === null ? null : canonicalJson(backendEntry(service));
  return { key, json, hash: json === null ? null : sha256(json) };
}

function apply(content: Content, rows: readonly EntryRow[]): Content {
  const next = new Map(content);
  for (const { key, hash } of rows) {
    if (hash === null) next.delete(key);
    else next.set(key, hash);
  }
  return next;
}

const heldOf = (version: number, content: Content): Held => ({ gateway, version, digest: digestOf(content) });

/** What a node makes of a message. */
function receive(text: Buffer, before: Content): Content {
  const parsed = parseHubText(text.toString('utf8'));
  if (!('message' in parsed) || parsed.message.type !== 'snapshot') throw new Error('no snapshot');
  const { base, upserts, removes, digest } = parsed.message;
  const rows = [
    ...upserts.map(({ key, hash, json }) => ({ key, hash, json })),
    ...removes.map((key) => ({ key, hash: null, json: null })),
  ];
  const content = apply(base === null ? new Map() : before, rows);
  if (digestOf(content) !== digest) throw new Error('another digest');
  return content;
}

const row = fc
  .tuple(fc.nat(6), fc.option(fc.nat(3)))
  .map(([key, service]) => rowOf(`backend/eu/shop/k${key}/80`, service === null ? null : `s${service}`));

void t.test('any way through versions', async (t) => {
  const versions = fc.array(fc.uniqueArray(row, { selector: ({ key }) => key, maxLength: 5 }), {
    minLength: 1,
    maxLength: 12,
  });
  const result = fc.check(
    fc.property(versions, (steps) => {
      const pool = new EntryPool();
      const served = new ServedGateway(pool, heldOf(1, new Map()), []);
      const history: { held: Held; content: Content }[] = [{ held: served.held, content: new Map() }];
      for (const [index, rows] of steps.entries()) {
        const before = new Set(served.references);
        const content = apply(history.at(-1)?.content ?? new Map(), rows);
        const change = served.advance(heldOf(index + 2, content), rows);
        const after = new Set(served.references);
        if (
          [...after]
            .filter((key) => !before.has(key))
            .toSorted()
            .join() !== change.added.toSorted().join()
        )
          throw new Error('added');
        if (
          [...before]
            .filter((key) => !after.has(key))
            .toSorted()
            .join() !== change.removed.toSorted().join()
        )
          throw new Error('removed');
        history.push({ held: served.held, content });
        for (const { held, content: from } of history) {
          const base = served.hasBase(held) ? held : null;
          const got = receive(served.message(base), from);
          if (digestOf(got) !== served.held.digest) throw new Error('another content');
        }
      }
      served.close();
      if (pool.size !== 0) throw new Error('entries are left in the pool');
    }),
    { numRuns: 200 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? '');
});

void t.test('rows without the digest that is stated for them change nothing', async (t) => {
  const [a, b, c] = [rowOf('backend/a', 'a'), rowOf('backend/b', 'b'), rowOf('backend/c', 'c')];
  const first = apply(new Map(), [a, b]);
  const second = apply(first, [c, rowOf('backend/a', null)]);
  const served = new ServedGateway(new EntryPool(), heldOf(1, first), [a, b]);
  t.throws(() => served.advance(heldOf(2, second), [c]), DigestMismatch);
  t.same(served.held, heldOf(1, first));
  t.same([...served.references], ['endpoints/eu/shop/a/80', 'endpoints/eu/shop/b/80']);
  t.equal(digestOf(receive(served.message(null), new Map())), digestOf(first));
  const rows = served.differenceTo([b, c]);
  t.same(
    rows.map(({ key, hash }) => [key, hash === null]),
    [
      ['backend/c', false],
      ['backend/a', true],
    ],
  );
  t.same(served.advance(heldOf(2, second), rows), {
    added: ['endpoints/eu/shop/c/80'],
    removed: ['endpoints/eu/shop/a/80'],
  });
  t.throws(() => new ServedGateway(new EntryPool(), heldOf(1, second), [a]), DigestMismatch);
});

void t.test('a base that was learned, and one that is too far', async (t) => {
  const rows = Array.from({ length: 400 }, (_, i) => rowOf(`backend/${i}`, `s${i}`));
  const content = apply(new Map(), rows);
  const served = new ServedGateway(new EntryPool(), heldOf(9, content), rows);
  const old = apply(content, [rowOf('backend/7', 'old')]);
  t.notOk(served.hasBase(heldOf(4, old)));
  served.learn(heldOf(4, old), ['backend/7'], served.held);
  t.ok(served.hasBase(heldOf(4, old)));
  t.equal(digestOf(receive(served.message(heldOf(4, old)), old)), served.held.digest);
  t.notOk(served.hasBase(heldOf(5, old)), 'another version with that content is another base');
  served.learn(
    heldOf(2, new Map()),
    rows.map(({ key }) => key),
    served.held,
  );
  t.notOk(served.hasBase(heldOf(2, new Map())), 'a delta that is as large as the whole is none');
  t.equal(served.message(null), served.message(null), 'one text for all');
});
