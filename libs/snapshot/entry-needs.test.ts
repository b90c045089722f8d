import t from 'tap';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import type { Entry, ExternalAuth } from './entry.ts';
import { needsOf, understoodNeeds } from './entry-needs.ts';

const auth: ExternalAuth = {
  type: 'external-auth',
  protocol: 'grpc',
  backend: { invalid: 'x' },
  allowedHeaders: [],
  bodyMax: 0,
};
const to = (filters: readonly ExternalAuth[]) =>
  ({ type: 'forward', backends: [{ key: backendEntry('web')[0], weight: 1, filters }] }) as const;

void t.test('what asks for consent needs a node that knows it, wherever it stands', (t) => {
  const needing: readonly Entry[] = [
    ruleEntry({ filters: [auth] })[1],
    ruleEntry({ to: to([auth]) })[1],
    listenerEntry({ filters: [auth] })[1],
  ];
  for (const entry of needing) t.strictSame(needsOf(canonicalJson(entry)), [...understoodNeeds]);
  t.end();
});

void t.test('what only reads like it needs nothing', (t) => {
  const value = '"type":"external-auth"';
  const set = { type: 'request-headers', set: [{ name: 'x', value }], add: [], remove: [] } as const;
  for (const entry of [ruleEntry({ filters: [set] })[1], ruleEntry({ name: 'external-auth' })[1], listenerEntry()[1]])
    t.strictSame(needsOf(canonicalJson(entry)), []);
  t.end();
});
