// Runs the projector as a process of its own.
import { parseConfig } from '#libs/runtime/config.ts';
import { runService } from '#libs/runtime/lifecycle.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { projectorOptions } from './options.ts';
import { startProjector } from './projector.ts';

const log = createLogger({ service: 'projector' });
runService(
  'projector',
  (signal) => {
    const about = {
      name: 'projector',
      description: 'Appends events to the history and builds snapshots: the one writer.',
    };
    const options = parseConfig(projectorOptions, process.argv.slice(2), process.env, about);
    return startProjector(options, log, signal);
  },
  { log },
);
