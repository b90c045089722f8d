import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readOptions } from '#libs/runtime/config.ts';
import { parseClusterSource } from './cluster-source.ts';
import { openDataFolder } from '../local/data-folder.ts';
import { nextSteps } from './next-steps.ts';
import { type PartContext, listParts } from './part-list.ts';
import { type ReportForm, linesOf, startReport } from './report.ts';
import { parseTuning } from './part-tuning.ts';
import { keepSecrets, readSecrets } from '../local/secrets.ts';
import { storefront } from '../demo/storefront.ts';
import { readSettings, upOptions } from './settings.ts';
import { Teardown } from './teardown.ts';

await t.test('a cluster is a folder or a kubeconfig context', async (t) => {
  t.same(parseClusterSource('eu=./manifests', '/home/me'), {
    source: { name: 'eu', type: 'folder', folder: '/home/me/manifests' },
  });
  t.same(parseClusterSource('us=kubeconfig:arn:aws:eks/prod', '/'), {
    source: { name: 'us', type: 'kubeconfig', context: 'arn:aws:eks/prod' },
  });
  for (const text of ['eu', '=x', 'eu=', 'EU=./x', '-a=./x', 'eu=kubeconfig:']) {
    t.match(parseClusterSource(text, '/'), { problem: /./ }, text);
  }
});

await t.test('settings: every mistake in the clusters at once', async (t) => {
  const flags = { cluster: ['EU=./x', 'us=/no/such/folder', 'us=kubeconfig:a', 'nothing'] };
  const parts = ['"EU"', '/no/such/folder', 'us is given twice', '"nothing"'];
  for (const part of parts) {
    t.throws(() => readSettings(readOptions(upOptions, flags, {}), '/', {}), { code: 'config', message: part }, part);
  }
});

await t.test('settings: defaults', async (t) => {
  const demo = readSettings(readOptions(upOptions, { demo: true }, {}), '/', {});
  t.same(
    demo.clusters.map((source) => source.type === 'folder' && source.folder),
    [join(storefront, 'eu'), join(storefront, 'us')],
  );
  t.match(demo, { port: 7420, portOffset: 8000, bind: '127.0.0.1', data: /\.data\/demo$/ });
  const own = readSettings(readOptions(upOptions, { cluster: ['a=kubeconfig:b'] }, {}), '/', { XDG_DATA_HOME: '/d' });
  t.equal(own.data, '/d/fleetgate');
  t.throws(() => readSettings(readOptions(upOptions, {}, {}), '/', {}), { code: 'config' });
});

await t.test('parts: secrets go by environment or file, never by arguments', async (t) => {
  const data = t.testdir();
  const settings = readSettings(
    readOptions(upOptions, { demo: true, cluster: [`eu=${storefront}/eu`, 'us=kubeconfig:prod'], data }, {}),
    '/',
    {},
  );
  const secrets = { adminToken: 'fg_admin', nodeToken: 'fg_node', privateKey: 'private', publicKey: 'public' };
  const context: PartContext = {
    settings,
    folder: openDataFolder(data),
    secrets,
    ports: { control: 1, projector: 2, proxy: 3, agents: [4, 5] },
    databaseUrl: 'postgres://user:password@host/db',
    writerUrl: 'postgres://writer:password@host/db',
    natsUrl: 'nats://user:password@host',
    cacheFolder: '/cache',
  };
  const parts = listParts(context);
  t.same(
    parts.map(({ name }) => name),
    ['projector', 'control', 'proxy', 'agent-eu', 'agent-us', 'demo-upstreams'],
  );
  const args = parts.flatMap((part) => part.args).join(' ');
  for (const secret of ['fg_', 'private ', 'password']) t.notMatch(args, secret);
  t.equal(parts.find(({ name }) => name === 'agent-us')?.args.includes('prod'), true);
  t.notOk(
    parts.some(({ env }) => Object.values(env).includes('private')),
    'the private key goes by file',
  );
});

await t.test('tuning: of the part that is named, and of no other', async (t) => {
  const flags = {
    demo: true,
    cluster: [`eu=${storefront}/eu`],
    inspect: ['projector', 'agent-eu', 'proxy=9500'],
    logLevel: ['agent-eu=debug'],
  };
  const settings = readSettings(readOptions(upOptions, flags, {}), '/', {});
  const context: PartContext = {
    settings,
    folder: openDataFolder(t.testdir()),
    secrets: { adminToken: '', nodeToken: '', privateKey: '', publicKey: '' },
    ports: { control: 1, projector: 2, proxy: 3, agents: [4] },
    databaseUrl: '',
    writerUrl: '',
    natsUrl: '',
    cacheFolder: '/cache',
  };
  const parts = listParts(context);
  t.strictSame(
    parts.map(({ name, nodeArgs, env }) => [name, nodeArgs?.join(' ') ?? '', env['FLEETGATE_LOG_LEVEL'] ?? '']),
    [
      ['projector', '--inspect=127.0.0.1:9229', ''],
      ['control', '', ''],
      ['proxy', '--inspect=127.0.0.1:9500', ''],
      ['agent-eu', '--inspect=127.0.0.1:9230', 'debug'],
      ['demo-upstreams', '', ''],
    ],
  );
});

await t.test('tuning: every mistake at once', async (t) => {
  const names = ['projector', 'control'];
  t.strictSame(
    parseTuning({ inspect: ['agent', 'control=x'], logLevel: ['projector=loud', 'api=info'] }, names).problems,
    [
      '--inspect: there is no part agent; the parts are projector, control',
      '--inspect: x is no port',
      '--log-level: projector=loud is not PART=LEVEL, one of trace, debug, info, warn, error, fatal, silent',
      '--log-level: there is no part api; the parts are projector, control',
    ],
  );
  t.throws(() => readSettings(readOptions(upOptions, { demo: true, inspect: ['api'] }, {}), '/', {}), {
    code: 'config',
    message: 'there is no part api; the parts are projector, control, proxy, agent-eu, agent-us, demo-upstreams',
  });
});

await t.test('secrets are made once and kept', async (t) => {
  const data = t.testdir();
  mkdirSync(join(data, 'x'));
  const path = join(data, 'x', 'secrets.json');
  const first = keepSecrets(path, false);
  t.same(keepSecrets(path, true), first);
  t.same(readSecrets(path), first);
  t.not(first.adminToken, first.nodeToken);
  t.throws(() => readSecrets(join(data, 'none')), { code: 'file' });
});

await t.test('the report has three forms', async (t) => {
  const lines: string[] = [];
  const output = { columns: 10, rows: 5, write: (text: string) => lines.push(text) };
  startReport('json', output).tell({ event: 'changed', message: 'x' });
  t.match(JSON.parse(lines.join('')), { event: 'changed', message: 'x', time: /^\d{4}-/ });

  lines.length = 0;
  const plain = startReport('plain', output);
  plain.board(() => 'a table');
  plain.tell({ event: 'part-started', part: 'control', pid: 1 });
  plain.tell({ event: 'changed', message: 'gateway x' });
  t.match(lines, [/^\d{4}-\S+Z {3}gateway x\n$/]);

  lines.length = 0;
  const terminal = startReport('terminal', output);
  terminal.board(() => 'a table that is too wide\n2\n3\n4\n5');
  t.equal(lines.at(-1), 'a table t…\n2\n3\n', 'cut to the screen');
  terminal.tell({ event: 'warning', message: 'x' });
  t.equal(lines.join('').includes('\u001B[3A\u001B[0J! x\n'), true, 'the table is erased, then drawn again below');
  terminal.close();
  t.equal(lines.at(-1), '\u001B[3A\u001B[0J');
});

await t.test('the admin token is printed on the first start only, and never into a log', async (t) => {
  const settings = readSettings(readOptions(upOptions, { demo: true }, {}), '/', {});
  const secrets = { adminToken: 'fg_admin', nodeToken: 'fg_node', privateKey: 'private', publicKey: 'public' };
  const listeners = [{ gateway: 'eu/platform/shared', name: 'http', url: 'http://127.0.0.1:8080' }];
  const fleet = { settings, secrets, listeners, url: 'http://127.0.0.1:7420' };
  const ready = { event: 'ready', tookMs: 4321, url: fleet.url, data: settings.data, listeners } as const;
  const next = (firstStart: boolean, form: ReportForm) => nextSteps({ ...fleet, firstStart, form });
  const first = linesOf({ ...ready, next: next(true, 'terminal') });
  t.match(first, 'ready in 4.3 s');
  t.match(first, 'fg_admin');
  t.match(first, 'http://127.0.0.1:8080');
  t.notMatch(linesOf({ ...ready, next: next(false, 'terminal') }), 'fg_admin');
  for (const form of ['plain', 'json'] as const) {
    const lines: string[] = [];
    startReport(form, { write: (text: string) => lines.push(text) }).tell({ ...ready, next: next(true, form) });
    t.notMatch(lines.join(''), 'fg_admin', form);
    t.match(lines.join(''), 'secrets.json', `${form}: where it is`);
  }
});

await t.test('teardown: in reverse, and to the end', async (t) => {
  const order: string[] = [];
  const teardown = new Teardown();
  for (const name of ['postgres', 'nats', 'control']) {
    teardown.add(name, () => {
      order.push(name);
      if (name === 'nats') throw new Error('no');
    });
  }
  t.same(await teardown.run(), ['nats did not stop: no']);
  t.same(order, ['control', 'nats', 'postgres']);
  t.same(await teardown.run(), []);
});
