// Tests the line that a projector logs of each batch at level debug.
import t from 'tap';
import { createLogger, type logLevels } from '#libs/runtime/log.ts';
import { Projection } from '#libs/projection/projection.ts';
import * as shop from '../testing/shop.ts';
import { batchFields, foldLogged } from './fold-log.ts';

const manyRoutes = Array.from({ length: 20 }, (_, index) => shop.route(`r${index}`, 1));
const events = [...shop.platform(), ...manyRoutes].map((event, index) => ({ seq: BigInt(index + 1), event }));
const batch = { events, slices: [shop.slice(1, '10.0.0.1')], sealed: [] };

void t.test('at level debug: numbers, sums by stage, and the slowest keys', async (t) => {
  const [line, ...others] = fold('debug');
  t.strictSame(others, []);
  t.match(line, { msg: 'folded', seqs: '1-23', events: 23, slices: 1, sealed: 0, slowest: { length: 5 } });
  const { stages, runs } = line ?? {};
  t.ok(Array.isArray(stages));
  t.match(stages, [{ stage: 'service', runs: 1, changed: 1, dropped: 0, ms: Number }]);
  t.ok(typeof runs === 'number' && runs > 100);
  t.ok(JSON.stringify(line).length < 8000, 'a line has a limit, however large the batch');
});

void t.test('at level info: nothing', async (t) => {
  t.strictSame(fold('info'), []);
});

/** The lines that folding the batch logs at a level. */
function fold(level: (typeof logLevels)[number]): readonly Readonly<Record<string, unknown>>[] {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const log = createLogger({ service: 'test', level, destination: { write: (line) => lines.push(JSON.parse(line)) } });
  const projection = new Projection();
  const change = foldLogged(
    projection,
    log,
    () => batchFields(batch),
    () => projection.apply(batch, noVersion),
  );
  if (change.versions.length !== 1) throw new Error('the batch makes one version');
  return lines;
}

function noVersion(): never {
  throw new Error('no rollback here');
}
