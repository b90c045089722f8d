// Makes random headers of matches and requests for tests, of every class that Envoy reads in its own way: names whose
// lines count each for itself, names whose lines are joined, and names that no route ever sees.
import * as fc from 'fast-check';
import type { StringMatch } from '#libs/gateway/objects/http-match.ts';
import { joinedNames, unseenNames } from '#libs/matching/header-lines.ts';
import { pick } from './random-picks.ts';

// Of some others Node's own servers keep one line.
const ordinary = ['accept-language', 'b3', 'cookie', 'forwarded', 'priority', 'x-envoy-foo'];
/** What a request says by these changes how the rest of the connection is read. */
const framing: ReadonlySet<string> = new Set(['connection', 'expect', 'transfer-encoding', 'upgrade']);
/** Envoy puts something of its own into these, which only a cautious match holds for. */
const completed: ReadonlySet<string> = new Set(['x-envoy-external-address', 'x-forwarded-for', 'x-request-id']);
/** A connection has these over HTTP/1.1 only. */
const connectionOnly: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const value: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({ type: pick('Exact' as const), value: pick('1', '2', '1,2', '1, 2', '2,1', '1; 2', 'x y', 'trailers') }),
  fc.record({
    type: pick('RegularExpression' as const),
    value: pick('[0-9]+', '1|2', '.*', 'x?', '1.*', '.+,.+', '[^,]*'),
  }),
);
const cautiousValue: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({ type: pick('Exact' as const), value: pick('1', '1,2') }),
  fc.record({ type: pick('RegularExpression' as const), value: pick('.*', '1,.+', 'x?') }),
);

/** Gives a match of a header of any class. */
export const anyHeaderMatch: fc.Arbitrary<StringMatch & { readonly name: string }> = fc
  .oneof(
    // Node's own servers refuse what they are told to expect.
    { weight: 5, arbitrary: pick(...[...joinedNames].filter((name) => name !== 'expect')) },
    { weight: 2, arbitrary: pick(...unseenNames) },
    { weight: 2, arbitrary: pick(...ordinary) },
    { weight: 1, arbitrary: pick(...completed) },
  )
  .chain((name) => (completed.has(name) ? cautiousValue : value).map((one) => ({ name, ...one })));

const sentNames = [...ordinary, ...joinedNames, ...unseenNames].filter((name) => !framing.has(name));
const sentValues = ['1', '2', '', '1,2', 'x y', 'trailers'];
const nominations = [
  'x-a',
  'X-B, close',
  'accept',
  'x_a,te',
  'http2-settings',
  'keep-alive',
  'x-forwarded-for',
  'a, b, c, d, e, f, g, h',
];

/** Gives a line of any name. */
export function anyLine(choice: number): readonly [name: string, value: string] {
  return [at(sentNames, choice), anyValue(Math.floor(choice / sentNames.length))];
}

/** Gives a value that a line may have whatever its name. */
export function anyValue(choice: number): string {
  return at(sentValues, choice);
}

/** Gives what a `Connection` header says: it names headers that end there. */
export function anyNomination(choice: number): string {
  return at(nominations, choice);
}

/** Leaves out what Envoy passes on to a backend that may not be told it by HTTP/2. */
export function overHttp1<Line extends readonly [name: string, value: string]>(lines: readonly Line[]): Line[] {
  return lines.filter(([name, value]) => name.toLowerCase() !== 'te' || value !== '');
}

/** Leaves out what no client can send by HTTP/2. */
export function overHttp2<Line extends readonly [name: string, value: string]>(lines: readonly Line[]): Line[] {
  return lines.filter(([name, value]) => {
    const key = name.toLowerCase();
    return !connectionOnly.has(key) && (key !== 'te' || value === 'trailers');
  });
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('an empty list');
  return found;
}
