// Whatever a rule allows, the limit on silence does not cut it short.
import t from 'tap';
import type { HttpRuleEntry } from '#libs/snapshot/entry.ts';
import { timeLimits } from './time-limits.ts';

const minute = 60_000;
const hour = 60 * minute;

void t.test('the limit on silence follows those of the rule', async (t) => {
  const retry = { codes: [503], attempts: 2 };
  const cases: readonly (readonly [
    Pick<HttpRuleEntry, 'timeouts' | 'retry' | 'protocol'>,
    string,
    string | undefined,
  ])[] = [
    [{}, '0s', undefined],
    [{ timeouts: { requestMs: minute } }, '60s', undefined],
    [{ timeouts: { requestMs: 5 * minute } }, '300s', '301s'],
    [{ timeouts: { requestMs: 15 * minute } }, '900s', '901s'],
    [{ timeouts: { requestMs: 0 } }, '0s', '0s'],
    [{ timeouts: { requestMs: 0, backendRequestMs: minute } }, '0s', '0s'],
    [{ timeouts: { requestMs: 15 * minute, backendRequestMs: 0 } }, '900s', '901s'],
    [{ timeouts: { requestMs: 48 * hour } }, '0s', '0s'],
    [{ timeouts: { backendRequestMs: minute } }, '0s', undefined],
    [{ timeouts: { backendRequestMs: 2 * minute } }, '0s', '481s'],
    [{ timeouts: { backendRequestMs: 10 * minute }, retry }, '0s', '1801s'],
    [{ timeouts: { backendRequestMs: 0 } }, '0s', '0s'],
    [{ timeouts: { backendRequestMs: 10 * hour } }, '0s', '0s'],
    [{ retry }, '0s', undefined],
    [{ retry: { ...retry, backoffMs: minute } }, '0s', '2700s'],
    [{ protocol: 'grpc' }, '0s', '3600s'],
  ];
  for (const [rule, timeout, idle] of cases) {
    const expected = idle === undefined ? { timeout } : { timeout, idle_timeout: idle };
    t.strictSame(timeLimits(rule), expected, JSON.stringify(rule));
  }
});

t.end();
