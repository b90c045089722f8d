// Tests what a NATS URL says of servers and credentials.
import t from 'tap';
import { serversOf } from './nats-url.ts';

void t.test('credentials are those of the URL, else the token that was given beside it', async (t) => {
  t.strictSame(serversOf('nats://a:4333,b'), { servers: ['a:4333', 'b:4222'] });
  t.strictSame(serversOf('a', 's3cret'), { servers: ['a:4222'], token: 's3cret' });
  t.strictSame(serversOf('nats://own@a,b', 's3cret'), { servers: ['a:4222', 'b:4222'], token: 'own' });
  t.strictSame(serversOf('tls://ann:p%40ss@a', 's3cret'), {
    servers: ['a:4222'],
    user: 'ann',
    pass: 'p@ss',
    tls: {},
  });
  t.strictSame(serversOf('nats://u:p%40@a:1,tls://b'), { servers: ['a:1', 'b:4222'], user: 'u', pass: 'p@', tls: {} });
  t.strictSame(serversOf('tok@[::1]'), { servers: ['[::1]:4222'], token: 'tok' });
});

void t.test('a text that is no URL is a mistake of the configuration', async (t) => {
  t.throws(() => serversOf('nats://', 's3cret'), { code: 'config' });
  t.throws(() => serversOf('nats://a:b'), { code: 'config' });
});
