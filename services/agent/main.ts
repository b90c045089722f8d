// Runs the agent as a process of its own.
import { parseConfig } from '#libs/runtime/config.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { agentOptions } from './options.ts';
import { startAgent } from './agent.ts';

const log = createLogger({ service: 'agent' });
runService(
  'agent',
  (signal) => {
    const about = { name: 'agent', description: 'Watches one cluster and reports what changes in it.' };
    const options = parseConfig(agentOptions, process.argv.slice(2), process.env, about);
    return startAgent(options, log, signal);
  },
  { log },
);
