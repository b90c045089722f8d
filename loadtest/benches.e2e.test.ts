// Runs each benchmark small: it still works, and prints what it measures. How fast is no matter of a test.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';

const run = promisify(execFile);

const benches = [
  { args: ['projection-bench.ts', '20'], prints: [/^20 routes: one change p50 /m] },
  { args: ['projector-bench.ts', '20', '3'], prints: [/^bulk: 23 waiting events/m, /^verify: identical: /m] },
  {
    args: ['external-auth-bench.ts', '10', '200'],
    prints: [/^spread +no consent .* per change .* per request/m, /^together +consent, headers listed /m],
  },
  {
    args: ['log-bench.ts', '1000'],
    prints: [/^1000 events: leaves \d+\/s, tree \d+ leaves\/s, root \w{64}$/m, /^restored from /m],
  },
  {
    args: ['evidence-bench.ts', '1000'],
    prints: [/^verify by what was published: 1000 events in /m, /^prove from the database: event 500 in /m],
  },
  {
    args: ['log-cost-bench.ts', '600', '3'],
    prints: [/^bulk, with the log: \d+ events\/s$/m, /^cost in processor time: /m, /^single change, with the log: /m],
  },
  {
    args: ['history-bench.ts', '2000'],
    prints: [
      /^filled: 2000 events in /m,
      /^\| events without a filter \| 100\+ \| /m,
      /^\| blame of 100,000 \| \d+ \| /m,
    ],
  },
  {
    args: ['storage-bench.ts', '20', '5'],
    prints: [/^\| all \| \d+ \| -?\d+ \|$/m, /^in the archive: \d+ bytes /m, /^20 edits of 5 routes; a year /m],
  },
] as const;

for (const { args, prints } of benches) {
  await t.test(args.join(' '), async (t) => {
    const [file, ...rest] = args;
    const { stdout } = await run(process.execPath, ['--expose-gc', join(import.meta.dirname, file), ...rest]);
    for (const line of prints) t.match(stdout, line);
  });
}
