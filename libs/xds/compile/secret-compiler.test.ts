// Secrets as Envoy gets them: only what it would take, only what is used.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { authoritiesName, authorityProblem } from '#libs/xds/envoy/authority.ts';
import { ResourceTable } from './resource-table.ts';
import { SecretCompiler } from './secret-compiler.ts';

function file(name: string): string {
  return readFileSync(new URL(`../testdata/tls/${name}`, import.meta.url), 'utf8');
}

const one = 'ca/eu/ConfigMap/infra/one';
const two = 'ca/eu/Secret/infra/two';
const both = authoritiesName([two, one]);

void t.test('authorities that are trusted together', async (t) => {
  const table = new ResourceTable();
  const secrets = new SecretCompiler(table);
  const certificates = (): number => {
    secrets.update();
    return (JSON.stringify(table.tables.secret.get(both)?.message ?? '').match(/BEGIN CERTIFICATE/g) ?? []).length;
  };
  secrets.use('port 443', new Set([both]));
  t.notOk(secrets.isUsable(both));
  t.equal(certificates(), 0, 'nothing is there yet');
  t.strictSame(secrets.setItem(one, { kind: 'ca', certificates: file('client-ca.crt') }), ['port 443']);
  t.equal(certificates(), 1, 'one good one is enough');
  t.strictSame(secrets.setItem(two, { kind: 'ca', certificates: 'nonsense' }), []);
  t.equal(certificates(), 1, 'a bad one is left out');
  t.equal(secrets.problem(two), 'holds no certificate');
  secrets.setItem(two, { kind: 'ca', certificates: `# a comment\n${file('other-ca.crt')}${file('client-ca.crt')}` });
  t.equal(certificates(), 2, 'each certificate once');
  secrets.setItem(one, undefined);
  t.strictSame(secrets.setItem(two, { kind: 'ca', certificates: file('client.key') }), ['port 443']);
  t.equal(certificates(), 0, 'no good one is left');
  secrets.setItem(one, { kind: 'ca', certificates: file('client-ca.crt') });
  secrets.use('port 443', new Set());
  t.equal(certificates(), 0, 'nobody uses it');
});

void t.test('what Envoy does not take', async (t) => {
  const good = file('client-ca.crt');
  const damaged = good.replace(/[A-Za-z]{8}\n-----END/, 'AAAAAAAA\n-----END').replace('MII', 'MIA');
  t.equal(authorityProblem(good), undefined);
  t.equal(authorityProblem(good + damaged), 'holds a certificate that cannot be read');
  t.equal(authorityProblem(''), 'holds no certificate');
  t.equal(authorityProblem(file('client.key')), 'holds no certificate');
  t.equal(authorityProblem(good.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')), 'holds no certificate');
});
