// Runs one node as a process of its own, without the other commands of `fleetgate`.
import { parseConfig } from '#libs/runtime/config.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { proxyOptions } from './options.ts';
import { startProxy } from './proxy.ts';

const about = { name: 'fleetgate proxy', description: 'Run one node and its Envoy.' };
const log = createLogger({ service: 'proxy' });

runService(
  'proxy',
  (signal) => startProxy(parseConfig(proxyOptions, process.argv.slice(2), process.env, about), log, signal),
  { log },
);
