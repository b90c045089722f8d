// Who changed it, from real API servers: the agent is installed by one command, the API server started with the flags
// that it names, and every kind of request is made by different people. Nobody may be named who did not do it.
// FLEETGATE_WHO_CHANGES=1000 makes that many changes with the receiver away for a while; 100 without it.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { z } from 'zod';
import { restartApiServer } from './api-server.ts';
import { LabClient, until } from './lab-client.ts';
import { labPaths } from './paths.ts';

const paths = labPaths();
const lab = new LabClient(paths);
t.setTimeout(3_000_000);
const folder = mkdtempSync(join(tmpdir(), 'fg-who-'));
const apiServers: (() => void)[] = [];
t.teardown(async () => {
  for (const end of apiServers) end();
  await lab.down();
  rmSync(folder, { recursive: true });
});
const changes = process.env['FLEETGATE_WHO_CHANGES'] ?? '100';
const people = ['alice', 'bob', 'carol', 'dave'];

const user = z.object({ username: z.string() });
const report = z.object({
  cluster: z.string(),
  done: z.array(z.object({ kind: z.string(), change: z.string(), by: z.array(z.string()) })),
  refused: z.array(z.number()),
  seen: z.array(z.string()),
  attributions: z.array(
    z.object({
      change: z.string(),
      certainty: z.string(),
      requests: z.array(
        z.object({
          user,
          impersonatedUser: user.optional(),
          userAgent: z.string(),
          sourceIPs: z.array(z.string()),
          role: z.string().optional(),
        }),
      ),
    }),
  ),
});
type Report = z.infer<typeof report>;
type Attribution = Report['attributions'][number];

await lab.up(1, [{ version: 'v1.6.3', channel: 'standard' }]);
const fleet = await lab.startFleet('without a node');
const users = people.map((name) => `token-${name},${name},uid-${name}${name === 'dave' ? '' : ',"system:masters"'}\n`);
appendFileSync(join(paths.dir, 'c0', 'tokens.csv'), users.join(''));

await t.test('by the audit: installed, and each author right or said to be unknown', async (t) => {
  const said = await install('webhook');
  t.match(said, /ValidatingAdmissionPolicy who\.fleetgate\.dev created/u);
  t.notMatch(await install('webhook'), /created|configured/u, 'a second install changes nothing');
  const config = readFileSync(join(folder, 'fleetgate-audit-webhook.yaml'), 'utf8');
  const [, receiver = ''] = /https:\/\/([0-9.]+):7424\/audit/u.exec(config) ?? [];
  await restart([
    `--audit-policy-file=${folder}/fleetgate-audit-policy.yaml`,
    `--audit-webhook-config-file=${folder}/fleetgate-audit-webhook.yaml`,
    '--audit-webhook-batch-max-wait=1s',
    '--audit-webhook-initial-backoff=2s',
  ]);
  const downSeconds = Number(changes) >= 1000 ? '40' : '6';
  const told = await run([changes, downSeconds], { FLEETGATE_LAB_RECEIVER: receiver });
  t.same(told.refused, [403, 404, 422, 409]);
  const table = tabulate(told, 'verified');
  t.comment(`by the audit, ${changes} changes, receiver away for ${downSeconds} s\n${table.text}`);
  t.same(table.wrong, [], 'nobody is named who did not do it');
  t.same(table.foreign, [], 'what changed nothing is attributed to nobody');
  // Away for longer than the API server tries, what it was about to send as well as what came then is lost.
  const open = Number(downSeconds) > 16 ? /racing|many/u : /racing/u;
  for (const [kind, { right, all }] of table.rows)
    if (!open.test(kind)) t.equal(right, all, `${kind}: ${right} of ${all} right`);
  const one = told.attributions.find(({ certainty }) => certainty === 'verified');
  t.match(one?.requests[0], { userAgent: /./u, sourceIPs: [/./u] });
});

await t.test('by admission reviews: the same requests, without any flag of the API server', async (t) => {
  await until('the namespace gone', async () => {
    const left = await lab.kubectl('c0', ['get', 'namespaces', '-o', 'name']);
    return left.includes('namespace/who') ? undefined : true;
  });
  const said = await install('admission');
  t.match(said, /ValidatingWebhookConfiguration who\.fleetgate\.dev created/u);
  t.match(said, /ValidatingAdmissionPolicy who\.fleetgate\.dev deleted/u);
  await restart([]);
  const told = await run(['30', '0'], {});
  const table = tabulate(told, 'admission');
  t.comment(`by admission reviews\n${table.text}`);
  t.same(table.wrong, []);
  for (const [kind, { right, all }] of table.rows)
    if (!/racing|Secret|garbage/u.test(kind)) t.equal(right, all, `${kind}: ${right} of ${all} right`);
});

await t.test('uninstall leaves nothing of it behind', async (t) => {
  await lab.fleetgate(['agent', 'uninstall', '--kubeconfig', lab.kubeconfig('c0'), '--context', 'c0'], {});
  const kinds = 'validatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings';
  const left = await lab.kubectl('c0', ['get', kinds, '-o', 'name']);
  t.notMatch(left, /who\.fleetgate\.dev/u);
});

/** Installs the agent; gives what the command said. */
function install(audit: 'webhook' | 'admission'): Promise<string> {
  const where = ['--kubeconfig', lab.kubeconfig('c0'), '--context', 'c0', '--cluster', 'c0', '--image', 'fleetgate'];
  const more = ['--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey];
  return lab.fleetgate(['agent', 'install', ...where, ...more, '--audit', audit, '--audit-files', folder], {});
}

/** Starts the API server with these flags about its audit. */
async function restart(flags: readonly string[]): Promise<void> {
  const old = apiServers.pop();
  apiServers.push(
    await restartApiServer(paths, 'c0', (given) => [...given.filter((flag) => !flag.startsWith('--audit-')), ...flags]),
  );
  old?.();
  await until('the API server', async () => {
    const ready = await lab.kubectl('c0', ['get', '--raw', '/readyz']).catch(() => '');
    return ready === 'ok' ? true : undefined;
  });
}

async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Report> {
  const script = join(import.meta.dirname, 'who/scenario.ts');
  const said = await lab.run([process.execPath, script, lab.kubeconfig('c0'), fleet.natsUrl, ...args], {
    env,
    timeoutMs: 900_000,
  });
  return report.parse(JSON.parse(said.trim().split('\n').at(-1) ?? ''));
}

interface Row {
  readonly all: number;
  readonly right: number;
  readonly oneOf: number;
  readonly unknown: number;
}

/** Compares what was told with what was done. */
function tabulate(
  told: Report,
  certainty: 'verified' | 'admission',
): {
  readonly rows: ReadonlyMap<string, Row>;
  readonly wrong: readonly string[];
  readonly foreign: readonly string[];
  readonly text: string;
} {
  const attributions = new Map(told.attributions.map((attribution) => [attribution.change, attribution]));
  const rows = new Map<string, Row>();
  const wrong: string[] = [];
  const known = new Set<string>();
  for (const { kind, change, by } of told.done) {
    const id = `${told.cluster}/${change}`;
    known.add(id);
    // Writes that changed nothing that the history keeps.
    if (!told.seen.includes(id)) continue;
    const { all, right, oneOf, unknown } = rows.get(kind) ?? { all: 0, right: 0, oneOf: 0, unknown: 0 };
    const attribution = attributions.get(id);
    const named = attribution === undefined ? [] : namesOf(attribution, certainty);
    const isRight = attribution?.certainty === certainty && isSame(named, expected(by, certainty));
    const isOpen = attribution?.certainty === 'one-of';
    const isUnknown = attribution === undefined || attribution.certainty === 'unknown';
    if (isOpen && !expected(by, certainty).some((name) => named.includes(name)))
      wrong.push(`${kind} ${id}: one of ${named.join()}, was ${by.join()}`);
    if (!isRight && !isOpen && !isUnknown) wrong.push(`${kind} ${id}: ${named.join()}, was ${by.join()}`);
    rows.set(kind, {
      all: all + 1,
      right: right + Number(isRight),
      oneOf: oneOf + Number(isOpen),
      unknown: unknown + Number(isUnknown),
    });
  }
  const foreign = told.attributions
    .filter((attribution) => !known.has(attribution.change) && attribution.certainty !== 'unknown')
    .filter((attribution) => namesOf(attribution, certainty).some((name) => people.includes(name)))
    .map(({ change }) => change);
  return { rows, wrong, foreign, text: printTable(rows) };
}

/** One person can be named twice: by two writes that became one change. */
function isSame(named: readonly string[], by: readonly string[]): boolean {
  return [...new Set(named)].join() === [...new Set(by)].join();
}

/** A review does not show who impersonates. */
function expected(by: readonly string[], certainty: 'verified' | 'admission'): readonly string[] {
  return certainty === 'verified' ? by : by.map((name) => name.split(' as ').at(-1) ?? name);
}

function namesOf({ requests }: Attribution, certainty: 'verified' | 'admission'): readonly string[] {
  return requests.map(({ user: { username }, impersonatedUser }) =>
    impersonatedUser === undefined || certainty === 'admission'
      ? username
      : `${username} as ${impersonatedUser.username}`,
  );
}

function printTable(rows: ReadonlyMap<string, Row>): string {
  const total = { all: 0, right: 0, oneOf: 0, unknown: 0 };
  const print = (name: string, { all, right, oneOf, unknown }: Row): string =>
    `${name.padEnd(28)}${[all, right, oneOf, unknown].map((count) => String(count).padStart(9)).join('')}`;
  const lines = [...rows].map(([kind, row]) => {
    total.all += row.all;
    total.right += row.right;
    total.oneOf += row.oneOf;
    total.unknown += row.unknown;
    return print(kind, row);
  });
  const head = `${'request'.padEnd(28)}  changes    right   one of  unknown`;
  return [head, ...lines, print('all', total)].join('\n');
}
