// Runs the publisher: it publishes at each turn, and says by /readyz and metrics when it may sign no more.
import { setTimeout as delay } from 'node:timers/promises';
import { FleetgateError, fail, sentenceOf } from '#libs/runtime/errors.ts';
import { startHealthServer } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import { type Logger, atLevel } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { withClient } from '../store/one-client.ts';
import { readLogKey, readVerifierKeys } from './log-keys.ts';
import type { PublishOptions } from './options.ts';
import { openPlace } from '../places/open-place.ts';
import { type Publication, Publisher } from './publisher.ts';

/** Publishes once. Throws what `Publisher.publish` throws, and FleetgateError 'postgres-unreachable'. */
export async function publishOnce(options: PublishOptions, log: Logger): Promise<Publication> {
  return turn(options, openPublisher(options, log));
}

/** Publishes at each turn until it is stopped; a turn that fails is told and tried again. */
export async function startPublishing(
  options: PublishOptions,
  parentLog: Logger,
  signal: AbortSignal,
): Promise<RunningService & { readonly port: number }> {
  const log = atLevel(parentLog, options.logLevel);
  const publisher = openPublisher(options, log);
  const stopping = new AbortController();
  const stopped = AbortSignal.any([signal, stopping.signal]);
  const metrics = createMetrics('publisher');
  const size = metrics.gauge('log_published_size', 'Events in the newest checkpoint that was published');
  const forked = metrics.gauge('log_forked', '1 while the history does not continue what was published of it');
  let problem: string | undefined = 'Nothing is published yet.';
  const health = await startHealthServer({
    ...options,
    registry: metrics.registry,
    log,
    ready: () => ({ ok: problem === undefined, reasons: problem === undefined ? [] : [problem] }),
  });
  const run = async (): Promise<void> => {
    while (!stopped.aborted) {
      try {
        const publication = await turn(options, publisher);
        if (publication.events > 0) log.info({ ...publication }, 'published');
        size.set(publication.size);
        forked.set(0);
        problem = undefined;
      } catch (error) {
        const said = sentenceOf(error);
        // A fault that stays is logged when it begins.
        if (said !== problem) log.error({ err: error }, 'not published');
        problem = said;
        forked.set(error instanceof FleetgateError && error.code === 'log-forked' ? 1 : 0);
      }
      await delay(options.every, undefined, { signal: stopped }).catch(() => undefined);
    }
    await health.stop();
  };
  const done = run();
  return {
    port: health.port,
    done,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

function turn({ databaseUrl }: PublishOptions, publisher: Publisher): Promise<Publication> {
  return withClient({ url: databaseUrl, name: 'fleetgate publisher' }, (client) => publisher.publish(client));
}

/** Reads keys and place. Throws FleetgateError 'config' or 'file'. */
function openPublisher(options: PublishOptions, log: Logger): Publisher {
  const signers = options.logKey.map(readLogKey);
  const names = new Set(signers.map(({ name }) => name));
  if (names.size > 1) throw fail('config', `the keys are of different logs: ${[...names].join(', ')}`);
  const { witness, witnessKey } = options;
  if ((witness === undefined) !== (witnessKey === undefined))
    throw fail('config', '--witness and --witness-key belong together');
  const [key] = witnessKey === undefined ? [] : readVerifierKeys([witnessKey]);
  if (key !== undefined && key.algorithm !== 'cosignature')
    throw fail('config', `--witness-key ${witnessKey}: it is the key of a log, not of a witness`);
  return new Publisher({
    place: openPlace(options.checkpoints, process.env),
    signers,
    earlierKeys: readVerifierKeys(options.earlierKey),
    witnesses: witness === undefined || key === undefined ? [] : [{ url: witness, key }],
    log,
    now: () => new Date(),
  });
}
