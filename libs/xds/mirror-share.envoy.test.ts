// A mirror's percentage is of the requests that its rule, or its backend, gets, whatever else is drawn for them.
import t, { type Test } from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { HttpFilter, WeightedBackend } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
const requests = 400;
/** Changes nothing, and gives its backend a route of its own. */
const rewrite: HttpFilter = { type: 'rewrite', path: { type: 'prefix', value: '/both' } };

void t.test('half of the requests of each backend', async (t) => {
  const half = mirror('mirror', 1, 2);
  const cases = {
    '/own': { to: [to('web', 50, half), to('api', 50, half)], copied: ['web', 'api'] },
    '/second': { to: [to('web', 50), to('api', 50, half)], copied: ['api'] },
    '/rule': { filters: [half], to: [to('web', 50), to('api', 50)], copied: ['web', 'api'] },
    '/large': { filters: [half], to: [to('web', 500_000), to('api', 500_000)], copied: ['web', 'api'] },
    '/thirds': { filters: [half], to: [to('web', 1), to('api', 2)], copied: ['web', 'api'] },
    '/both': { filters: [half], to: [to('web', 1, rewrite), to('api', 1, rewrite)], copied: ['web', 'api'] },
  } as const;
  const rules = Object.entries(cases).map(([path, { to: backends, ...rest }]) =>
    ruleEntry({ name: path.slice(1), matches: [path], to: { type: 'forward', backends }, ...rest }),
  );
  await gateway.serve(t, ...rules);
  for (const [path, { copied }] of Object.entries(cases)) {
    const answered = await send(t, path);
    for (const [name, urls] of answered) {
      const share = urls.filter((url) => copies('mirror').has(url)).length / urls.length;
      const isCopied = copied.some((one) => one === name);
      t.ok(isCopied ? share > 0.35 && share < 0.65 : share === 0, `${path}: ${share} of ${urls.length} of ${name}`);
    }
  }
});

void t.test('mirrors of one rule draw for themselves', async (t) => {
  const filters = [mirror('mirror', 1, 2), mirror('slow', 1, 2)];
  await gateway.serve(
    t,
    ruleEntry({ name: 'single', matches: ['/single'], filters }),
    ruleEntry({
      name: 'weighted',
      matches: ['/weighted'],
      filters,
      to: { type: 'forward', backends: [to('web', 1), to('api', 1)] },
    }),
    ruleEntry({
      name: 'split',
      matches: ['/split'],
      filters: [mirror('mirror', 1, 2)],
      to: { type: 'forward', backends: [to('web', 1, mirror('slow', 1, 2)), to('api', 1, mirror('slow', 1, 2))] },
    }),
  );
  for (const path of ['/single', '/weighted', '/split']) {
    const answered = await send(t, path);
    const [first, second] = [copies('mirror'), copies('slow')];
    for (const [name, urls] of answered) {
      const quarters = [
        urls.filter((url) => first.has(url) && second.has(url)),
        urls.filter((url) => first.has(url) && !second.has(url)),
        urls.filter((url) => !first.has(url) && second.has(url)),
        urls.filter((url) => !first.has(url) && !second.has(url)),
      ].map((list) => list.length / urls.length);
      t.ok(
        quarters.every((share) => share > 0.12 && share < 0.4),
        `${path} ${name}: ${quarters.join(', ')}`,
      );
    }
  }
});

t.end();

/** Sends requests to a path, waits for their copies, and gives the URLs that each backend answered. */
async function send(test: Test, path: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const answered = new Map<string, string[]>();
  for (let index = 0; index < requests; index += 1) {
    const url = `${path}/${index}`;
    const name = await gateway.asked({ path: url });
    answered.set(name, [...(answered.get(name) ?? []), url]);
  }
  test.notOk(answered.has('500'));
  // Copies arrive after answers: nothing new for a while means that all are here.
  let count = -1;
  await eventually(
    () => {
      const now = (gateway.backends.get('mirror')?.seen.length ?? 0) + (gateway.backends.get('slow')?.seen.length ?? 0);
      const isSame = now === count;
      count = now;
      return isSame;
    },
    { everyMs: 250 },
  );
  return answered;
}

/** Gives the URLs that a backend was asked. */
function copies(service: string): ReadonlySet<string> {
  return new Set(gateway.backends.get(service)?.seen.map(({ url }) => url));
}

function mirror(service: string, numerator: number, denominator: number): HttpFilter {
  return { type: 'mirror', backend: { key: backendEntry(service)[0] }, numerator, denominator };
}

function to(service: string, weight: number, ...filters: readonly HttpFilter[]): WeightedBackend {
  return { key: backendEntry(service)[0], weight, filters };
}
