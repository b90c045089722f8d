import t from 'tap';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { WishBook } from './wish-book.ts';

function wish(name: string, status: object = {}): DesiredStatus {
  return { kind: 'HTTPRoute', namespace: 'ns', name, uid: `uid-${name}`, status: { ...status } };
}

function begin(): { readonly book: WishBook; readonly told: string[] } {
  const told: string[] = [];
  const book = new WishBook([
    {
      want: (key, { status }) => told.push(`want ${key} ${JSON.stringify(status)}`),
      unwant: (key) => told.push(`unwant ${key}`),
      complete: () => told.push('complete'),
    },
  ]);
  return { book, told };
}

void t.test('a wish is told as it comes; what all of them lack is not wanted any more', async (t) => {
  const { book, told } = begin();
  book.wish(wish('a'));
  book.beginReplace();
  book.replace([wish('b')]);
  book.beginReplace();
  book.replace([]);
  t.same(told, [
    'want HTTPRoute/ns/a {}',
    'want HTTPRoute/ns/b {}',
    'unwant HTTPRoute/ns/a',
    'complete',
    'unwant HTTPRoute/ns/b',
    'complete',
  ]);
});

void t.test('what came while all were asked for is newer than the answer', async (t) => {
  const { book, told } = begin();
  book.beginReplace();
  book.wish(wish('a', { is: 'new' }));
  book.wish(wish('b', { is: 'new' }));
  book.replace([wish('a', { is: 'old' })]);
  t.same(told, ['want HTTPRoute/ns/a {"is":"new"}', 'want HTTPRoute/ns/b {"is":"new"}', 'complete']);
  book.beginReplace();
  book.replace([wish('a', { is: 'asked anew' })]);
  t.same(told.slice(3), ['want HTTPRoute/ns/a {"is":"asked anew"}', 'unwant HTTPRoute/ns/b', 'complete']);
});
