// Tests label selectors of what nodes serve; the globs by themselves are tested with the precedence of matches.
import t from 'tap';
import { matchesGateway, mayServe, servesProblem, splitServes } from './gateway-glob.ts';

const web = 'eu/infra/web';

void t.test('a selector narrows a glob by labels', async (t) => {
  const labels = { tier: 'edge', 'example.com/team': 'a', empty: '' };
  for (const [item, expected] of [
    ['*/*/*', true],
    ['*/*/*?tier=edge', true],
    ['*/*/*?tier==edge', true],
    ['*/*/*?tier=core', false],
    ['us/*/*?tier=edge', false],
    ['*/*/*?tier!=core', true],
    ['*/*/*?tier!=edge', false],
    ['*/*/*?env!=test', true],
    ['*/*/*?tier', true],
    ['*/*/*?env', false],
    ['*/*/*?!env', true],
    ['*/*/*?!tier', false],
    ['*/*/*?empty=', true],
    ['*/*/*?tier=', false],
    ['*/*/*?example.com/team=a,tier=edge', true],
    ['*/*/*?example.com/team=b,tier=edge', false],
    ['*/*/*?tier=edge, !env', true],
    ['*/*/*?constructor', false],
    // Not readable: for no gateway.
    ['*/*/*?', false],
    ['*/*/*?tier=edge,', false],
    ['*/*/*?!tier=core', false],
    ['*/*/*?tier in (edge)', false],
    ['*/*/*?tier=*', false],
  ] as const)
    t.equal(matchesGateway([item], web, labels), expected, item);
  t.ok(matchesGateway(['us/*/*', '*/*/*?tier=core', 'eu/*/*?tier=edge'], web, labels), 'one is enough');
  t.ok(mayServe(['eu/*/*?tier=core'], web), 'by the glob alone');
  t.notOk(mayServe(['us/*/*?tier=core'], web));
});

void t.test('items in a text, and what is wrong with one', async (t) => {
  t.same(splitServes('*/*/*?tier=edge,env!=test,a.example/b,!c,eu/x/y, us/*/z?k'), [
    '*/*/*?tier=edge,env!=test,a.example/b,!c',
    'eu/x/y',
    ' us/*/z?k',
  ]);
  for (const good of ['*/*/*', 'eu/infra/web-*', '*/*/*?tier=edge,env!=test,a.example/b,!c'])
    t.equal(servesProblem(good), undefined);
  t.equal(servesProblem('infra/web'), '"infra/web" is not CLUSTER/NAMESPACE/NAME');
  for (const bad of ['*/*/*?', '*/*/*?a b', '*/*/*?=x', '*/*/*?a=b=c', '*/*/*?a/b/c', '*/*/*?a,us/b'])
    t.match(servesProblem(bad) ?? 'none', bad.endsWith('us/b') ? 'none' : 'has no label selector after the "?"');
});
