// Asks Postgres again and again whether it answers, on a connection of its own: an exhausted pool is no outage, and a
// server that hangs or vanished without a word is one within seconds.
import { Client } from 'pg';
import { pause } from '#libs/runtime/pause.ts';

export interface PostgresProbe {
  /** Whether the last question was answered in time; false until the first was. */
  readonly answers: boolean;
  /** Resolves with the first answer, or at the signal. */
  readonly first: Promise<void>;
}

const everyMs = 1000;
const answerWithinMs = 2000;

/** Starts asking; goes on until the signal. */
export function probePostgres(url: string, name: string, signal: AbortSignal): PostgresProbe {
  const first = Promise.withResolvers<void>();
  let answers = false;
  const tell = (answered: boolean): void => {
    answers = answered;
    if (answered) first.resolve();
  };
  void (async () => {
    while (!signal.aborted) {
      await askUntilSilent(url, name, signal, () => tell(true)).catch(() => undefined);
      tell(false);
      await pause(everyMs, signal);
    }
    first.resolve();
  })();
  return {
    get answers() {
      return answers;
    },
    first: first.promise,
  };
}

/** Asks on one connection; returns at the signal, throws when an answer is late or the connection is lost. */
async function askUntilSilent(url: string, name: string, signal: AbortSignal, onAnswer: () => void): Promise<void> {
  const client = new Client({
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: answerWithinMs,
    query_timeout: answerWithinMs,
  });
  // What happens between two questions fails the next.
  client.on('error', () => undefined);
  try {
    await client.connect();
    while (!signal.aborted) {
      await client.query('select 1');
      onAnswer();
      await pause(everyMs, signal);
    }
  } finally {
    // A server that hangs lets nobody say goodbye.
    void client.end().catch(() => undefined);
  }
}
