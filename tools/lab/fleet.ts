// npm run lab -- fleet [--no-node] [OPTIONS OF THE PROJECTOR]: Postgres, NATS, projector, control and one node as
// separate processes outside the clusters of a lab that is up, in the lab's network. Agents in the clusters reach NATS
// at the bridge address. Stays in the foreground; `fleet.json` tells where everything is.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Child, startChild } from '#libs/runtime/process/child.ts';
import { startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { migrate } from '../../migrations/run.ts';
import { keepSecrets, registerTokens } from '../../services/cli/local/secrets.ts';
import { bridgeAddress, labPaths } from './paths.ts';

const paths = labPaths();
const address = bridgeAddress(0);
const controlPort = 7420;
const healthPorts = { projector: 7421, proxy: 7422 };
const main = resolve(import.meta.dirname, '../../services/cli/main.ts');

const projectorOptions = process.argv.slice(2).filter((arg) => arg !== '--no-node');

const folder = join(paths.dir, 'fleet');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const log = createLogger({ service: 'lab-fleet', level: 'warn' });
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), log });
const nats = await startNats({ dataDir: join(folder, 'nats'), host: address, log });
const secrets = keepSecrets(join(folder, 'secrets.json'), false);
const nodeKeyFile = join(folder, 'node.key');
writeFileSync(nodeKeyFile, `${secrets.privateKey}\n`, { mode: 0o600 });
await migrate(postgres.url);
await registerTokens(postgres.url, secrets, log);

const url = `http://${address}:${controlPort}`;
const servers = { DATABASE_URL: postgres.url, NATS_URL: nats.url };
const children: readonly Child[] = [
  start('projector', ['--host', address, '--port', String(healthPorts.projector), ...projectorOptions], servers),
  start('control', ['--host', address, '--port', String(controlPort)], servers),
  ...(process.argv.includes('--no-node') ? [] : [startNode()]),
];
const record = {
  url,
  address,
  token: secrets.adminToken,
  natsUrl: nats.url,
  databaseUrl: postgres.url,
  nodePublicKey: secrets.publicKey,
  health: { projector: `http://${address}:${healthPorts.projector}`, proxy: `http://${address}:${healthPorts.proxy}` },
};
writeFileSync(join(folder, 'fleet.json'), `${JSON.stringify(record)}\n`, { mode: 0o600 });
console.log(`fleet is started: ${join(folder, 'fleet.json')}`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop());

/** A node of the fleet's own, for every Gateway: where no data planes are provided in the clusters. */
function startNode(): Child {
  return start(
    'proxy',
    [
      ...['--node', 'lab', '--control-url', url, '--bind', '0.0.0.0', '--port-offset', '0', '--address', address],
      ...['--node-key-file', nodeKeyFile, '--data', join(folder, 'node'), '--drain', '1s'],
      ...['--health-host', address, '--health-port', String(healthPorts.proxy)],
    ],
    { FLEETGATE_TOKEN: secrets.nodeToken },
  );
}

function start(name: string, args: readonly string[], env: Readonly<Record<string, string>>): Child {
  const logFile = join(folder, `${name}.log`);
  const restart = { minMs: 100, maxMs: 5000 };
  return startChild({
    name,
    command: process.execPath,
    args: [main, name, ...args],
    env,
    log,
    logFile,
    tied: true,
    restart,
  });
}

async function stop(): Promise<void> {
  for (const child of children.toReversed()) await child.stop({ graceMs: 10_000 });
  await nats.stop();
  await postgres.stop();
  process.exit(0);
}
