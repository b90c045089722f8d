// Tests configuration, errors, logs, pauses and sealing: the parts of runtime that need no peer.
import t from 'tap';
import { Command } from 'commander';
import { z } from 'zod';
import {
  addOptions,
  defineOptions,
  dnsLabel,
  duration,
  flag,
  integer,
  list,
  parseConfig,
  pattern,
  port,
  readOptions,
  text,
  url,
  urls,
  words,
} from './config.ts';
import { errors, fail } from './errors.ts';
import { generateNodeKey, keyIdOf, open, publicKeyOf, seal } from './hpke.ts';
import { createLogger } from './log.ts';
import { backoff, pause } from './pause.ts';

const table = defineOptions({
  cluster: { flag: '--cluster <name>', env: 'FLEETGATE_CLUSTER', schema: dnsLabel(), description: 'Name' },
  port: { flag: '--port <port>', env: 'FLEETGATE_PORT', schema: port(), description: 'Port', default: '7420' },
  relist: {
    flag: '--relist <time>',
    env: 'FLEETGATE_RELIST',
    schema: duration(),
    description: 'Period',
    default: '10m',
  },
  serves: { flag: '--serves <glob...>', env: 'FLEETGATE_SERVES', schema: list(), description: 'Globs', default: ['*'] },
  pretty: { flag: '--pretty', env: 'FLEETGATE_PRETTY', schema: flag(), description: 'For people' },
  token: {
    flag: '--token <token>',
    env: 'FLEETGATE_TOKEN',
    schema: text(),
    description: 'Token',
    default: 'hidden',
    secret: true,
  },
  natsUrl: { flag: '--nats-url <url>', env: 'NATS_URL', schema: url('nats', 'tls').optional(), description: 'NATS' },
  level: { flag: '--level <level>', schema: z.enum(['info', 'debug']).optional(), description: 'Level' },
});

void t.test('several URLs: repeated, with commas, or refused', async (t) => {
  const control = defineOptions({
    controlUrl: {
      flag: '--control-url <url...>',
      env: 'CONTROL_URL',
      schema: urls(3, 'http', 'https'),
      description: 'Control',
    },
  });
  const two = { controlUrl: ['http://a:1', 'https://b'] };
  t.same(readOptions(control, { controlUrl: ['http://a:1', 'https://b'] }, {}), two);
  t.same(readOptions(control, { controlUrl: ['http://a:1, https://b'] }, {}), two);
  t.same(readOptions(control, {}, { CONTROL_URL: 'http://a:1,https://b' }), two);
  for (const bad of ['', 'http://a,b', 'http://a,ftp://b', 'http://', 'http://a:1:2', 'http://a,,http://b', 'a']) {
    t.throws(
      () => readOptions(control, { controlUrl: [bad] }, {}),
      { code: 'config', message: /one or more URLs/ },
      bad,
    );
  }
  t.throws(() => readOptions(control, { controlUrl: ['http://a,http://b', 'http://c,http://d'] }, {}), /more than 3/);
  const one = defineOptions({ u: { flag: '--u <url>', schema: url('http'), description: 'One' } });
  t.throws(() => readOptions(one, { u: 'http://a,http://b' }, {}), { code: 'config' }, 'a list is not one URL');
});

void t.test('a flag wins over the environment, the environment over the default', async (t) => {
  t.same(readOptions(table, { cluster: 'eu' }, {}), {
    cluster: 'eu',
    port: 7420,
    relist: 600_000,
    serves: ['*'],
    pretty: false,
    token: 'hidden',
    natsUrl: undefined,
    level: undefined,
  });
  const env = {
    FLEETGATE_CLUSTER: 'us',
    FLEETGATE_PORT: '0',
    FLEETGATE_SERVES: 'a/*, b',
    FLEETGATE_PRETTY: 'yes',
    NATS_URL: '',
  };
  t.match(readOptions(table, { port: '80' }, env), { cluster: 'us', port: 80, serves: ['a/*', 'b'], pretty: true });
  t.match(
    parseConfig(table, ['--cluster', 'eu', '--serves', 'a', 'b', '--pretty', '--relist', '1.5s'], env, { name: 'x' }),
    { cluster: 'eu', serves: ['a', 'b'], pretty: true, relist: 1500, natsUrl: undefined },
  );
});

void t.test('all mistakes are reported at once, by the name that was used, without secrets', async (t) => {
  const flags = { port: '70000', relist: 'soon', level: 'loud', token: '' };
  const env = { NATS_URL: 'http://x', FLEETGATE_PRETTY: 'maybe', FLEETGATE_TOKEN: 's3cret' };
  try {
    readOptions(table, flags, env);
    t.fail('accepted');
  } catch (error) {
    t.match(error, { code: 'config', hint: /--help/ });
    t.equal(
      error instanceof Error ? error.message : '',
      `the configuration has mistakes: 
  --cluster (or FLEETGATE_CLUSTER) is required
  --port "70000": must be between 0 and 65535
  --relist "soon": is no duration such as 250ms, 10s, 5m or 1h
  FLEETGATE_PRETTY "maybe": must be true or false
  --token: must not be empty
  NATS_URL "http://x": must be a URL that starts with nats:// or tls://
  --level "loud": Invalid option: expected one of "info"|"debug"`,
    );
  }
  t.throws(
    () => readOptions({ n: { flag: '--n <n>', schema: integer({ min: 1 }), description: '' } }, { n: '1.5' }, {}),
    {
      message: /whole number/,
    },
  );
  t.throws(() => readOptions({ n: { flag: '--n <n...>', schema: list(1), description: '' } }, { n: ['a', 'b'] }, {}), {
    message: /more than 1 items/,
  });
});

void t.test('help names variable and default, and no secret', async (t) => {
  const help = addOptions(new Command('agent'), table).helpInformation();
  t.match(help, /--relist <time>\s+Period \(env FLEETGATE_RELIST, default 10m\)/);
  t.match(help, /--token <token>\s+Token \(env FLEETGATE_TOKEN\)/);
  t.notMatch(help, /hidden/);
});

void t.test('a table with a slip is refused', async (t) => {
  const schema = text();
  t.throws(() => defineOptions({ a: { flag: '--b <x>', schema, description: '' } }), /option a has the flag/);
  const twice = {
    a: { flag: '--a', env: 'X', schema, description: '' },
    b: { flag: '--b', env: 'X', schema, description: '' },
  };
  t.throws(() => defineOptions(twice), /X occurs twice/);
});

void t.test('every error says what to do', async (t) => {
  for (const [code, { message, hint }] of Object.entries(errors)) {
    t.match(message, /^[a-zA-Z].*[^.]$/, `${code}: a phrase`);
    t.match(hint, /^[`A-Z].*\.$/, `${code}: a sentence`);
  }
  const cause = new Error('inner');
  t.match(fail('folder', '/x', { cause, hint: 'Better.' }), {
    name: 'FleetgateError',
    code: 'folder',
    message: 'the folder of manifests cannot be read: /x',
    hint: 'Better.',
    cause,
  });
});

void t.test('logs hold code, hint and causes, and no secret', async (t) => {
  const lines: string[] = [];
  const log = createLogger({ service: 's', level: 'debug', destination: { write: (line) => void lines.push(line) } });
  const pem = '-----BEGIN PRIVATE KEY-----\nMIIsecret\n-----END PRIVATE KEY-----';
  const inner = new Error('connect postgresql://fleetgate:s3cret@localhost/x failed');
  log.error({ err: fail('postgres-unreachable', 'nats://tok3n@h', { cause: inner }) }, `with Bearer s3cret.x ${pem}`);
  log.child({ token: 's3cret' }).info({
    key: 'listener/http',
    tls: { privateKey: 's3cret', pem, list: [{ password: 's3cret' }], bytes: new Uint8Array(3), big: 1n },
    error: new TypeError('bug'),
    reason: new Error('nested'),
  });
  log.info('at %s', 'nats://u:s3cret@h');
  t.notMatch(lines.join(''), /s3cret|tok3n|MIIsecret/);
  const parsed: Record<string, unknown>[] = lines.map((line) => JSON.parse(line));
  t.match(parsed[0], {
    level: 'error',
    service: 's',
    msg: 'with Bearer [redacted] [redacted]',
    err: {
      code: 'postgres-unreachable',
      hint: errors['postgres-unreachable'].hint,
      cause: { message: 'connect postgresql://[redacted]@localhost/x failed', stack: String },
    },
  });
  t.notMatch(parsed[0], { err: { stack: String } }, 'the code explains an operating fault');
  t.match(parsed[1], {
    key: 'listener/http',
    tls: { privateKey: '[redacted]', list: [{ password: '[redacted]' }], bytes: '[3 bytes]', big: '1' },
    error: { type: 'TypeError', stack: String },
    reason: { message: 'nested' },
  });

  const pretty: string[] = [];
  const forPeople = createLogger({
    service: 's',
    level: 'info',
    pretty: true,
    destination: { write: (line) => void pretty.push(line) },
  });
  forPeople.warn({ err: fail('folder', '/x'), n: 1 }, 'careful');
  t.match(pretty[0], /^\d\d:\d\d:\d\d\.\d{3} warn {2}s {2}careful .*\/x \(Check the path.*\) {2}n=1\n$/);
});

void t.test('sealed material opens with the right key and for the right Secret only', async (t) => {
  const key = generateNodeKey();
  const other = generateNodeKey();
  t.equal(publicKeyOf(key.privateKey), key.publicKey);
  const plaintext = new TextEncoder().encode(JSON.stringify({ certificate: 'c', key: 'k' }));
  const sealed = await seal(key.publicKey, plaintext, 'eu/infra/cert');
  t.equal(sealed.keyId, keyIdOf(key.publicKey));
  t.match(sealed.keyId, /^[0-9a-f]{16}$/);
  t.same(await open([other.privateKey, key.privateKey], sealed, 'eu/infra/cert'), plaintext);
  const again = await seal(key.publicKey, plaintext, 'eu/infra/cert');
  t.not(again.ciphertext, sealed.ciphertext, 'sealed anew each time');
  await t.rejects(open([key.privateKey], sealed, 'us/infra/cert'), { code: 'sealed-key', message: /another Secret/ });
  await t.rejects(open([other.privateKey], sealed, 'eu/infra/cert'), { code: 'sealed-key', message: /not here/ });
  const altered = { ...sealed, ciphertext: again.ciphertext };
  await t.rejects(open([key.privateKey], altered, 'eu/infra/cert'), { code: 'sealed-key' });
  await t.rejects(open([key.privateKey], { ...sealed, enc: 'AA==' }, 'eu/infra/cert'), { code: 'sealed-key' });
  await t.rejects(seal('AAAA', plaintext, 'x'), { code: 'sealed-key', message: /32 bytes/ });
});

void t.test('pauses grow, end with the signal, and leave no listener', async (t) => {
  const bounds = { minMs: 100, maxMs: 1000 };
  for (let attempt = 0; attempt < 100; attempt++) {
    const full = Math.min(1000, 100 * 2 ** attempt);
    const ms = backoff(attempt, bounds);
    t.ok(ms <= full && ms >= full * 0.75);
  }
  const abort = new AbortController();
  const long = pause(1_000_000, abort.signal);
  abort.abort();
  await long;
  await pause(1_000_000, abort.signal);
});

void t.test('words are of a known set, and expressions can be read', async (t) => {
  const options = defineOptions({
    confirm: { flag: '--confirm <words>', env: 'CONFIRM', schema: words(['rollback', 'release']), description: '' },
    ticket: { flag: '--ticket <expression>', schema: pattern().optional(), description: '' },
  });
  t.same(readOptions(options, {}, {}).confirm, []);
  t.same(readOptions(options, { confirm: 'release, rollback' }, {}).confirm, ['rollback', 'release']);
  t.same(readOptions(options, { confirm: ['release', 'rollback'] }, {}).confirm, ['rollback', 'release']);
  t.same(readOptions(options, {}, { CONFIRM: 'release' }).confirm, ['release']);
  t.throws(() => readOptions(options, { confirm: 'rolback' }, {}), /"rolback" is not one of rollback, release/);
  t.equal(readOptions(options, { ticket: '[A-Z]+-[0-9]+' }, {}).ticket, '[A-Z]+-[0-9]+');
  t.throws(() => readOptions(options, { ticket: '(' }, {}), /--ticket "\("/);
});
