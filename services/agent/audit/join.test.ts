// What a real API server told of every kind of request (testdata/recorded-*.jsonl: audit with the annotations of the
// policy, watch with the time of arrival), joined in any order, with anything lost or told twice.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import type { AttributionEvent } from '#libs/events/attribution-event.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { parseAttributionEvent } from '#libs/events/parse-attribution-event.ts';
import { Join } from './join.ts';
import type { SeenVersion } from './judge.ts';
import { parseAuditEvent } from './parse-audit-event.ts';

interface Watched {
  readonly seenMs: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly kind: 'HTTPRoute' | 'Secret';
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly previous: string | undefined;
  readonly isMarked: boolean;
}

type Json = Readonly<Record<string, unknown>>;
/** What happens to a join. */
type Step = (join: Join) => void;

const audit: readonly Json[] = lines('recorded-audit.jsonl');
const watched = readWatched();
/** By the version's label, who won each turn of the race of the route. */
const racesWon: ReadonlyMap<string, string> = new Map(
  lines('recorded-watch.jsonl').flatMap(({ object }) => {
    const { labels, resourceVersion } = Object(object).metadata;
    return labels?.race === undefined ? [] : [[String(resourceVersion), String(labels.race)]];
  }),
);
const collector = 'system:serviceaccount:kube-system:generic-garbage-collector';
const namespacer = 'system:serviceaccount:kube-system:namespace-controller';
const start = watched[0]?.seenMs ?? 0;
const isWatched = (): boolean => true;

/** Who made each version of each object, in their order, as the script of the recording has it. */
const truth: Readonly<Record<string, readonly string[]>> = {
  // The policy records no writes of statuses.
  a: ['alice', 'bob', 'alice', 'bob', 'race', 'race', 'race', 'unknown', namespacer],
  gen: ['alice', namespacer],
  b: ['alice', 'alice', 'bob', namespacer],
  f: ['alice', 'bob', 'bob+alice'],
  d: ['alice', 'carol'],
  x: ['alice', 'alice', 'bob'],
  w: ['alice', 'alice', 'bob'],
  z: ['alice', 'alice', 'bob'],
  i: ['alice as bob', 'alice as bob', namespacer],
  owner: ['alice', 'bob'],
  owned: ['alice', collector],
  s: ['alice', 'bob', 'race', 'race', 'race', 'alice'],
};
/** Who wrote in the two races, as the versions themselves say by their labels; of the Secret nothing does. */
const racers = new Set(['alice', 'bob', 'carol']);

void t.test('in the order of arrival, and in the opposite one, each version has the author that it had', async (t) => {
  for (const [order, steps] of [
    ['requests first', [...audit.map(toClaim), ...watched.flatMap(toSteps)]],
    ['versions first', [...watched.flatMap(toSteps), ...audit.map(toClaim)]],
    ['backwards, and all twice', [...watched.flatMap(toSteps), ...audit.toReversed(), ...audit].map(toStep)],
  ] as const) {
    const told = run(steps);
    for (const [name, authors] of Object.entries(truth)) {
      const found = authorsOf(told, name);
      t.equal(found.length, authors.length, `${order}: ${name} has each version`);
      for (const [at, author] of authors.entries()) {
        if (author !== 'race') t.equal(found[at], author, `${order}: ${name} ${at}`);
        else if (name === 'a') t.equal(found[at], raceOf('a', at), `${order}: ${name} ${at}`);
        else t.ok(isRacer(found[at]), `${order}: ${name} ${at}: ${found[at]}`);
      }
    }
    t.ok(
      [...told.values()].every((event) => parseAttributionEvent(event).ok),
      'and each can be read',
    );
  }
});

void t.test('whatever is lost, comes late or twice, nobody is named who did not do it', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { minLength: audit.length, maxLength: audit.length }),
      fc.array(fc.nat(audit.length + watched.length), { maxLength: 300 }),
      (lost, turns) => {
        const claims = audit.filter((_, at) => lost[at] !== true).map(toClaim);
        const told = run(shuffled(claims, watched.flatMap(toSteps), turns));
        for (const [name, authors] of Object.entries(truth))
          for (const [at, found] of authorsOf(told, name).entries()) checkHonest(name, at, authors[at] ?? '', found);
      },
    ),
    { numRuns: 300 },
  );
});

void t.test('without the annotations what changed nothing is told by time, or left open', async () => {
  const bare = audit.map((event) => ({ ...event, annotations: {} }));
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: audit.length, maxLength: audit.length }), (lost) => {
      const claims = bare.filter((_, at) => lost[at] !== true).map(toClaim);
      const told = run([...claims, ...watched.flatMap(toSteps)]);
      for (const [name, authors] of Object.entries(truth)) {
        if (name === 's') continue;
        for (const [at, found] of authorsOf(told, name).entries()) checkHonest(name, at, authors[at] ?? '', found);
      }
    }),
    { numRuns: 200 },
  );
});

void t.test('a version that was seen after an absence is not put on the last writer alone', async (t) => {
  const versions = watched.filter(({ name }) => name === 'a');
  const [first, , , last] = versions;
  if (first === undefined || last === undefined) throw new Error('the recording lacks versions of a');
  const gap: SeenVersion = { ...toVersion(last), previous: first.resourceVersion, via: 'relist' };
  const told = run([...audit.map(toClaim), (join) => join.saw(gap), toStored({ ...last, via: 'relist' })]);
  const [event] = [...told.values()];
  t.equal(event?.certainty, 'one-of');
  t.same(
    event?.requests.map(({ user }) => user.username),
    ['bob', 'alice', 'bob'],
  );
});

void t.test('what waits is bounded, and given up in order of age', async (t) => {
  let dropped = 0;
  const told: AttributionEvent[] = [];
  const join = new Join({
    ...options((event) => told.push(event)),
    itemsMax: 20,
    onDropped: (items) => (dropped += items),
  });
  for (const step of [...watched.flatMap(toSteps), ...audit.map(toClaim)]) step(join);
  t.ok(join.size <= 20, `${join.size} items`);
  t.ok(dropped > 0);
  join.tick(start + 10 * 60_000 + 60_000);
  t.equal(join.size, 0, 'and after its time nothing is left');
  t.equal(join.awaiting, 0);
});

void t.test('one busy object does not push out the others', async (t) => {
  let dropped = 0;
  const join = new Join({ ...options(() => undefined), itemsOfOneMax: 50, onDropped: (items) => (dropped += items) });
  const [one] = watched;
  if (one === undefined) throw new Error('the recording is empty');
  for (let version = 1000; version < 1500; version++)
    join.saw({ ...toVersion(one), resourceVersion: String(version), previous: String(version - 1) });
  t.ok(join.size <= 50, `${join.size} items`);
  t.ok(dropped >= 450);
});

function checkHonest(name: string, at: number, author: string, found: string | undefined): void {
  if (found === undefined || found === 'unknown') return;
  const allowed = author === 'race' ? [...racers] : author.split('+');
  if (found.startsWith('one of ')) return;
  // Of a deletion one of two may be lost; who is named did what is said of him.
  if (!found.split('+').every((person) => allowed.includes(person)))
    throw new Error(`${name} ${at} was made by ${author}, and ${found} is named`);
  if (author === 'race' && name === 'a' && found !== raceOf(name, at))
    throw new Error(`${name} ${at} was made by ${raceOf(name, at)}, and ${found} is named`);
}

function isRacer(found: string | undefined): boolean {
  return found !== undefined && (racers.has(found) || found.startsWith('one of '));
}

/** Runs the steps, then lets time pass; gives the last attribution of each change. */
function run(steps: readonly Step[]): ReadonlyMap<string, AttributionEvent> {
  const told = new Map<string, AttributionEvent>();
  const join = new Join(options((event) => told.set(event.change, event)));
  for (const step of steps) step(join);
  for (let seconds = 0; seconds < 120; seconds++) join.tick(start + 30_000 + seconds * 1000);
  return told;
}

function options(emit: (event: AttributionEvent) => void): ConstructorParameters<typeof Join>[0] {
  return {
    emit,
    waitMs: 60_000,
    settleMs: 2000,
    keepMs: 600_000,
    itemsMax: 10_000,
    itemsOfOneMax: 200,
    onDropped: () => undefined,
  };
}

/** Says in words who is named for each version of an object. */
function authorsOf(told: ReadonlyMap<string, AttributionEvent>, name: string): readonly (string | undefined)[] {
  return watched
    .filter((version) => nameOf(version) === name)
    .map((version) => {
      const event = told.get(changeIdOf(version));
      if (event === undefined) return undefined;
      const people = event.requests.map(({ user, impersonatedUser }) =>
        impersonatedUser === undefined ? user.username : `${user.username} as ${impersonatedUser.username}`,
      );
      if (event.certainty === 'verified') return people.join('+');
      return event.certainty === 'one-of' ? `one of ${people.join()}` : event.certainty;
    });
}

function toStep(item: Json | Step): Step {
  return typeof item === 'function' ? item : toClaim(item);
}

function toClaim(event: Json): Step {
  const reading = parseAuditEvent(event, isWatched);
  return (join) => {
    if (reading.ok) for (const claim of reading.claims) join.claim(claim, start + 20_000);
  };
}

function toSteps(version: Watched): readonly Step[] {
  return [(join) => join.saw(toVersion(version)), toStored({ ...version, via: 'watch' })];
}

function toVersion(version: Watched): SeenVersion {
  const { uid, resourceVersion, previous, seenMs, type, isMarked } = version;
  return {
    uid,
    resourceVersion,
    ...(previous === undefined ? {} : { previous }),
    via: 'watch',
    state: type === 'DELETED' ? 'gone' : isMarked ? 'marked' : 'written',
    seenMs,
  };
}

function toStored(version: Watched & { readonly via: ChangeEvent['via'] }): Step {
  const { kind, name, uid, resourceVersion, type, via, seenMs } = version;
  const event: ChangeEvent = {
    v: 1,
    type: type === 'DELETED' ? 'deleted' : 'applied',
    cluster: 'eu',
    clusterUid: 'cluster',
    ...{ kind, namespace: 'rec', name, uid, resourceVersion, via },
    actor: null,
    at: new Date(seenMs).toISOString(),
    seenAt: new Date(seenMs).toISOString(),
    hash: '',
    object: null,
  };
  return (join) => join.stored(event, seenMs + 5);
}

function changeIdOf({ uid, resourceVersion, type }: Watched): string {
  return `eu/${uid}/${type === 'DELETED' ? 'deleted' : resourceVersion}`;
}

function nameOf({ name }: Watched): string {
  return name.startsWith('gen-') ? 'gen' : name;
}

/** Who won that turn of the race: a label of the version says it. */
function raceOf(name: string, at: number): string | undefined {
  const version = watched.filter((seen) => nameOf(seen) === name)[at];
  return version === undefined ? undefined : racesWon.get(version.resourceVersion);
}

function shuffled(claims: readonly Step[], steps: readonly Step[], turns: readonly number[]): readonly Step[] {
  const result = [...steps];
  for (const [index, claim] of claims.entries()) {
    const at = turns[index] ?? 0;
    result.splice(Math.min(at, result.length), 0, claim, ...(at % 5 === 0 ? [claim] : []));
  }
  return result;
}

function lines(file: string): readonly Json[] {
  const text = readFileSync(new URL(`testdata/${file}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line): Json => JSON.parse(line));
}

function readWatched(): readonly Watched[] {
  const newest = new Map<string, string>();
  return lines('recorded-watch.jsonl').map(({ seenMs, type, object }) => {
    const { kind, metadata } = Object(object);
    const { uid, resourceVersion, name, deletionTimestamp } = metadata;
    const previous = newest.get(uid);
    newest.set(uid, resourceVersion);
    return {
      seenMs: Number(seenMs),
      type: type === 'ADDED' || type === 'DELETED' ? type : 'MODIFIED',
      ...{ kind, name, uid, resourceVersion, previous },
      isMarked: deletionTimestamp !== undefined,
    };
  });
}
