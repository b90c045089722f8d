// Runs one node as a process of its own, without the other commands of `fleetgate`.
import { parseConfig } from '#libs/runtime/config.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { proxyOptions } from './options.ts';
import { startProxy } from './proxy.ts';

const about = { name: 'fleetgate proxy', description: 'Run one node and its Envoy.' };

runService('proxy', (signal) => {
  const options = parseConfig(proxyOptions, process.argv.slice(2), process.env, about);
  return startProxy(options, createLogger({ service: 'proxy', level: options.logLevel }), signal);
});
