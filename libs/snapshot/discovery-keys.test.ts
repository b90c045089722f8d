// Tests which discovery an entry brings to a node.
import t from 'tap';
import { discoveryKeysOf } from './discovery-keys.ts';

void t.test('each key once', async (t) => {
  const listener = { kind: 'listener', certificates: ['tls/a', 'tls/b'] } as const;
  t.strictSame(discoveryKeysOf(listener), ['tls/a', 'tls/b']);
  t.strictSame(discoveryKeysOf({ ...listener, clientValidation: { authorities: ['ca/a'] } }), [
    'tls/a',
    'tls/b',
    'ca/a',
  ]);
  const backend = { kind: 'backend', endpoints: 'endpoints/a' } as const;
  t.strictSame(discoveryKeysOf(backend), ['endpoints/a']);
  t.strictSame(discoveryKeysOf({ ...backend, tls: { authorities: 'system' } }), ['endpoints/a']);
  t.strictSame(
    discoveryKeysOf({ ...backend, tls: { authorities: ['ca/a', 'ca/b', 'ca/a'] }, clientCertificate: 'tls/c' }),
    ['endpoints/a', 'ca/a', 'ca/b', 'tls/c'],
  );
  t.strictSame(discoveryKeysOf({ kind: 'http-rule' }), []);
});
