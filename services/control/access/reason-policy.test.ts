import t from 'tap';
import { endpoints } from '#libs/api/endpoints.ts';
import { reasonProblem } from './reason-policy.ts';

const strict = { requireReason: ['operator'], ticketPattern: '[A-Z]+-[0-9]+|NONE' } as const;
const nothing = { query: {}, body: {} };

void t.test('a role must say why, wherever a reason can be given, and nowhere else', async (t) => {
  for (const endpoint of [endpoints.rollback, endpoints.approve, endpoints.removeNode, endpoints.revokeToken]) {
    t.match(reasonProblem(strict, endpoint, 'operator', nothing), { code: 'refused', hint: /--reason/ }, endpoint.path);
    t.match(reasonProblem(strict, endpoint, 'operator', { query: {}, body: { reason: ' ' } }), { code: 'refused' });
    t.equal(reasonProblem(strict, endpoint, 'admin', nothing), undefined, 'another role need not');
    for (const said of [
      { query: { reason: 'x' }, body: {} },
      { query: {}, body: { reason: 'x' } },
    ])
      t.equal(reasonProblem(strict, endpoint, 'operator', said), undefined);
  }
  const erase = (body: unknown) => reasonProblem(strict, endpoints.erasePerson, 'operator', { query: {}, body });
  t.equal(erase({ person: 'ann' }), undefined, 'who only looks what would be done, neither');
  t.match(erase({ person: 'ann', dryRun: false }), { code: 'refused' });
  t.equal(reasonProblem(strict, endpoints.listNodes, 'operator', nothing), undefined, 'who reads says nothing');
});

void t.test('a ticket matches the whole pattern, where one is given', async (t) => {
  const check = (ticket: string, ticketPattern: string | undefined = strict.ticketPattern) =>
    reasonProblem({ requireReason: [], ticketPattern }, endpoints.rollback, 'operator', {
      query: {},
      body: { ticket },
    });
  for (const good of ['OPS-12', 'NONE']) t.equal(check(good), undefined, good);
  for (const bad of ['ops-12', 'OPS-12x', 'xNONE'])
    t.match(check(bad), { code: 'refused', message: /is no ticket/ }, bad);
  t.equal(reasonProblem(strict, endpoints.rollback, 'admin', nothing), undefined, 'none is needed');
  const any = { requireReason: [], ticketPattern: undefined };
  t.equal(reasonProblem(any, endpoints.rollback, 'operator', { query: {}, body: { ticket: '?' } }), undefined);
});
