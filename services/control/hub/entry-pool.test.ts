// The discovery that entries bring to nodes, from their text.
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry, streamRuleEntry } from '#libs/testing/given/entries.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { EntryPool } from './entry-pool.ts';

void t.test('references, for as long as an entry is used', async (t) => {
  const pool = new EntryPool();
  const referencesOf = ([key, entry]: readonly [string, Entry]): readonly string[] => {
    const json = JSON.stringify(entry);
    return pool.take(key, json, json).references;
  };
  const clientValidation = { mode: 'AllowValidOnly', authorities: ['ca/eu/ConfigMap/infra/clients'] } as const;
  const [key, backend] = backendEntry('web');
  t.strictSame(referencesOf(listenerEntry({ certificates: ['tls/eu/infra/cert'], clientValidation })), [
    'tls/eu/infra/cert',
    'ca/eu/ConfigMap/infra/clients',
  ]);
  t.strictSame(referencesOf(listenerEntry({ protocol: 'TCP' })), []);
  t.strictSame(referencesOf(backendEntry('dns', { protocol: 'udp' })), ['endpoints/eu/shop/dns/80/udp']);
  const tls = { hostname: 'web.test', authorities: ['ca/eu/ConfigMap/shop/web'], subjectAltNames: [] };
  t.strictSame(referencesOf([key, { ...backend, tls, clientCertificate: 'tls/eu/infra/own' }]), [
    'endpoints/eu/shop/web/80',
    'ca/eu/ConfigMap/shop/web',
    'tls/eu/infra/own',
  ]);
  t.strictSame(referencesOf([key, { ...backend, tls: { ...tls, authorities: 'system' } }]), [
    'endpoints/eu/shop/web/80',
  ]);
  t.strictSame(referencesOf(ruleEntry()), []);
  t.strictSame(referencesOf(streamRuleEntry({ hosts: ['tcp'] })), []);
  t.strictSame(pool.take('listener/new', 'h', '{"kind":"listener","newer":1}').references, [], 'of a newer projector');
});
