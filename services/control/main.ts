// Runs control as a process of its own.
import { parseConfig } from '#libs/runtime/config.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { startControl } from './control.ts';
import { controlOptions } from './options.ts';

const log = createLogger({ service: 'control' });
runService(
  'control',
  (signal) => {
    const about = { name: 'control', description: 'The API and the hub that nodes connect to.' };
    const options = parseConfig(controlOptions, process.argv.slice(2), process.env, about);
    return startControl(options, log, signal);
  },
  { log },
);
