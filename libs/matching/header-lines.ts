// Reads a request's header lines as Envoy 1.40 has them when it looks for a route. Lines of most names are matched each
// for itself; lines of names that Envoy keeps one value of are joined first, and some names never get that far.
// `docs/request-matching.md` has the tables for people; `header-lines.envoy.test.ts` holds them against Envoy.
import { imitatedHeaders } from '#libs/snapshot/imitated-headers.ts';

type Line = readonly [name: string, value: string];

/** Why a request is none, and what it is answered. */
export interface RequestProblem {
  readonly problem: string;
  readonly status: 400 | 501;
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
  const named = headers.map(([name, value]): Line => [name.toLowerCase(), value.trim()]);
  const lengths = named.filter(([name]) => name === 'content-length');
  if (lengths.length > 1 || lengths.some(([, value]) => !/^\d+$/.test(value)))
    return { problem: 'Content-Length is not one number', status: 400 };
  const lines = joinLines(named, version);
  return version === '2' ? { lines: seen(lines) } : readConnection(lines);
}

/** Joins lines at the place of the first one. HTTP/2 sends the parts of a Cookie as lines, and they are one again. */
function joinLines(lines: readonly Line[], version: '1.1' | '2'): readonly Line[] {
  const joined = new Map<string, { readonly at: number; readonly values: readonly string[] }>();
  const all: Line[] = [];
  for (const [name, value] of lines) {
    const before = joined.get(name);
    const separator = name === 'cookie' && version === '2' ? '; ' : joinedNames.has(name) ? ',' : undefined;
    if (separator === undefined) all.push([name, value]);
    else if (before === undefined) {
      joined.set(name, { at: all.length, values: [value] });
      all.push([name, value]);
    } else {
      const values = [...before.values, value];
      joined.set(name, { ...before, values });
      all[before.at] = [name, values.filter((one) => one !== '').join(separator)];
    }
  }
  return all;
}

/** Does what `Connection` says: the headers that it names are for the next hop only, and go. */
function readConnection(lines: readonly Line[]): { readonly lines: readonly Line[] } | RequestProblem {
  const valueOf = (wanted: string): string => lines.find(([name]) => name === wanted)?.[1] ?? '';
  if (!['', 'chunked'].includes(valueOf('transfer-encoding').toLowerCase()))
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
    if (name === 'te') return wordsOf(value).includes('trailers') ? [[name, 'trailers']] : [];
    return name === 'expect' && value.toLowerCase() === '100-continue' ? [] : [[name, value]];
  });
}

function wordsOf(value: string): readonly string[] {
  return value
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
