// Reads a request's header lines as Envoy 1.40 has them when it looks for a route. Lines of most names are matched each
// for itself; lines of names that Envoy keeps one value of are joined first, and some names never get that far.
// `docs/request-matching.md` has the tables for people; `header-lines.envoy.test.ts` holds them against Envoy.
import { imitatedHeaders } from '#libs/snapshot/imitated-headers.ts';
import { isReferer } from './referer.ts';

type Line = readonly [name: string, value: string];

/** Why a request is none, and what it is answered. */
export interface RequestProblem {
  readonly problem: string;
  /** 'reset': it gets no answer, and the connection stays (HTTP/2). */
  readonly status: 400 | 501 | 'reset';
}

/** Names whose lines become one line, the values joined by a comma without a space; empty ones are left out. */
export const joinedNames: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'access-control-request-headers',
  'access-control-request-method',
  'access-control-request-private-network',
  'authentication',
  'authorization',
  'cache-control',
  'cdn-loop',
  'connection',
  'content-encoding',
  'content-type',
  'expect',
  'grpc-accept-encoding',
  'grpc-timeout',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'keep-alive',
  'origin',
  'pragma',
  'proxy-connection',
  'proxy-status',
  'referer',
  'te',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
  'x-client-trace-id',
  'x-envoy-attempt-count',
  'x-envoy-is-timeout-retry',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-request-id',
]);

/** Names that no route sees, whatever a client sends: they are the connection's, or only Envoy's own to set. */
export const unseenNames: ReadonlySet<string> = new Set([
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-external-address',
  'x-envoy-force-trace',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-internal',
  'x-envoy-ip-tags',
  'x-envoy-max-retries',
  'x-envoy-original-host',
  'x-envoy-original-path',
  'x-envoy-original-url',
  'x-envoy-retriable-header-names',
  'x-envoy-retriable-status-codes',
  'x-envoy-retry-grpc-on',
  'x-envoy-retry-on',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-stream-duration-ms',
  'x-fleetgate-scope',
  'x-forwarded-client-cert',
]);

/** Names of what HTTP/1.1 says of a connection; HTTP/2 says it otherwise. */
const connectionOnly: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const nominatedMax = 9;
/** What `Connection` may name without naming a header. */
const connectionWords: ReadonlySet<string> = new Set(['close', 'http2-settings', 'keep-alive', 'upgrade']);
/** Headers whose removal would hide where a request comes from, or to whom it goes. */
const guardedNames: ReadonlySet<string> = new Set(['host', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);

/** Gives the lines in order, names in lower case, or why Envoy takes the request for none. */
export function readHeaderLines(
  headers: readonly Line[],
  version: '1.1' | '2',
): { readonly lines: readonly Line[] } | RequestProblem {
  const named = headers.map(([name, value]): Line => [name.toLowerCase(), version === '2' ? value : trimmed(value)]);
  const lengths = named.filter(([name]) => name === 'content-length');
  if (lengths.length > 1 || lengths.some(([, value]) => !/^\d+$/.test(value)))
    return { problem: 'Content-Length is not one number', status: version === '2' ? 'reset' : 400 };
  const lines = joinLines(named, version);
  if (version === '1.1') return readConnection(lines);
  // RFC 9113, 8.2.2.
  const forbidden = named.find(([name, value]) => (name === 'te' ? value !== 'trailers' : connectionOnly.has(name)));
  if (forbidden === undefined) return { lines: seen(lines) };
  return { problem: `HTTP/2 has no ${forbidden.join(': ')}`, status: 'reset' };
}

/** Leaves out what stands around a value over HTTP/1.1. Bytes of UTF-8 that look like white space are none. */
function trimmed(value: string): string {
  return value.replaceAll(/^[ \t]+|[ \t]+$/g, '');
}

/** Joins lines at the place of the first one. HTTP/2 sends the parts of a Cookie as lines, and they are one again. */
function joinLines(lines: readonly Line[], version: '1.1' | '2'): readonly Line[] {
  const places = new Map<string, number>();
  const all: (readonly [name: string, values: readonly string[]])[] = [];
  for (const [name, value] of lines) {
    const isJoined = joinedNames.has(name) || isSplitCookie(name, version);
    const place = isJoined ? places.get(name) : undefined;
    const before = place === undefined ? undefined : all[place];
    if (place !== undefined && before !== undefined) all[place] = [name, [...before[1], value]];
    else {
      places.set(name, all.length);
      all.push([name, [value]]);
    }
  }
  return all.flatMap(([name, values]): Line[] => {
    if (!isSplitCookie(name, version)) return [[name, values.filter((one) => one !== '').join(',')]];
    const cookie = values.reduce((before, value) => (before === '' ? value : `${before}; ${value}`), '');
    return cookie === '' ? [] : [[name, cookie]];
  });
}

function isSplitCookie(name: string, version: '1.1' | '2'): boolean {
  return name === 'cookie' && version === '2';
}

/** Does what `Connection` says: the headers that it names are for the next hop only, and go. */
function readConnection(lines: readonly Line[]): { readonly lines: readonly Line[] } | RequestProblem {
  const valueOf = (wanted: string): string => lines.find(([name]) => name === wanted)?.[1] ?? '';
  if (lines.some(([name, value]) => name === 'transfer-encoding' && value.toLowerCase() !== 'chunked'))
    return { problem: 'Transfer-Encoding is not chunked', status: 501 };
  const words = wordsOf(valueOf('connection')).map((word) => word.toLowerCase());
  const upgrade = valueOf('upgrade').toLowerCase();
  const nominated = new Set(words.filter((word) => !connectionWords.has(word)));
  if (words.length > nominatedMax) return { problem: 'Connection names too many headers', status: 400 };
  const guarded = [...nominated].find((word) => guardedNames.has(word) || word.startsWith(':'));
  if (guarded !== undefined) return { problem: `Connection names ${guarded}`, status: 400 };
  const keepsTrailers = nominated.has('te') && wordsOf(valueOf('te').toLowerCase()).includes('trailers');
  const isUpgrade = words.includes('upgrade') && upgrade !== '' && upgrade !== 'h2c';
  const isH2c = words.includes('upgrade') && upgrade === 'h2c';
  const left = lines
    .filter(([name]) => !nominated.has(name) || (name === 'te' && keepsTrailers))
    .filter(([name]) => isUpgrade || (name !== 'connection' && name !== 'upgrade'))
    .filter(([name]) => !(isH2c && name === 'http2-settings'))
    .map(([name, value]): Line => (name === 'te' && keepsTrailers ? [name, 'trailers'] : [name, value]));
  return { lines: seen(left) };
}

/** Leaves out what routes never see. Of TE only `trailers` is left, and Envoy itself answers 100-continue. */
function seen(lines: readonly Line[]): readonly Line[] {
  return lines.flatMap(([name, value]): Line[] => {
    if (unseenNames.has(name) || imitatedHeaders.has(name)) return [];
    if (name === 'referer' && !isReferer(value)) return [];
    if (name === 'te' && value !== '') return wordsOf(value).includes('trailers') ? [[name, 'trailers']] : [];
    return name === 'expect' && value.toLowerCase() === '100-continue' ? [] : [[name, value]];
  });
}

function wordsOf(value: string): readonly string[] {
  return value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
