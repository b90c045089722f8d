// Tests tokens and keys that are derived from a provisioner token.
import { createHash } from 'node:crypto';
import t from 'tap';
import { open, seal } from './hpke.ts';
import { deriveNodeKey, deriveToken, isScopedToken, verifyScopedToken } from './scoped-token.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const scope = { node: 'eu.shop.web-*', serves: ['eu/shop/web'] };

void t.test('a token says its scope to whoever knows the hash of the provisioner token', async (t) => {
  const token = deriveToken('fg_secret', scope);
  t.equal(token, deriveToken('fg_secret', scope), 'the same each time');
  t.ok(isScopedToken(token));
  t.same(verifyScopedToken(token, sha256('fg_secret')), scope);
});

void t.test('what was not derived so is nothing', async (t) => {
  const token = deriveToken('fg_secret', scope);
  const wider = Buffer.from(JSON.stringify({ ...scope, serves: ['*/*/*'] })).toString('base64url');
  const [, signature = ''] = token.split('.');
  for (const text of [
    '',
    'fg_x',
    'fgn_',
    'fgn_.',
    `fgn_${wider}.${signature}`,
    `${token}.x`,
    token.slice(0, -2),
    `${token}${'x'.repeat(3000)}`,
  ])
    t.equal(verifyScopedToken(text, sha256('fg_secret')), undefined, text.slice(0, 20));
  t.equal(verifyScopedToken(token, sha256('fg_other')), undefined);
  t.equal(
    verifyScopedToken(deriveToken('fg_secret', { node: 'x', serves: Array(17).fill('a/b/c') }), sha256('fg_secret')),
    undefined,
  );
});

void t.test('keys: one pair for each namespace, the same each time', async (t) => {
  const key = deriveNodeKey('fg_secret', 'eu', 'shop');
  t.same(key, deriveNodeKey('fg_secret', 'eu', 'shop'));
  t.not(key.publicKey, deriveNodeKey('fg_secret', 'eu', 'other').publicKey);
  t.not(key.publicKey, deriveNodeKey('fg_secret', 'us', 'shop').publicKey);
  const sealed = await seal(key.publicKey, new TextEncoder().encode('text'), 'eu/shop/tls');
  t.equal(new TextDecoder().decode(await open([key.privateKey], sealed, 'eu/shop/tls')), 'text');
});
