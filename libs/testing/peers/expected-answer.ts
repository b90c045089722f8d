// Says what a client must get where the matcher is right, and how an answer differs from that. Headers that HTTP and
// Envoy add by themselves are left out; of several backends any that has a share may answer.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import { changeHeaders } from '#libs/matching/header-changes.ts';
import type { Header, HttpRequest } from '#libs/matching/request.ts';
import type { Forward, Share, Verdict } from '#libs/matching/verdict.ts';
import type { KeptAnswer } from './kept-connections.ts';
import { answersTo, services } from '#libs/testing/given/random-backends.ts';
import { serviceOf } from './expected-connection.ts';

/** What is compared, in a form that prints well. */
export interface ExpectedAnswer {
  readonly kind: string;
  /** Any of these is right. */
  readonly answers: readonly Comparable[];
}

type Comparable = Readonly<Record<string, unknown>>;

/** Gives the answers that a verdict allows. */
export function expectedAnswer(verdict: Verdict, request: HttpRequest): ExpectedAnswer {
  switch (verdict.type) {
    case 'refused':
    case 'closed':
      return { kind: verdict.type, answers: [{ closed: true }] };
    case 'reset':
      return { kind: verdict.type, answers: [{ reset: true }] };
    case 'stream':
      // Nobody asks for what HTTP gets there.
      return { kind: verdict.type, answers: [] };
    case 'unrouted':
      return { kind: `${verdict.status}`, answers: [localReply(verdict.status, request)] };
    case 'rule':
      break;
  }
  const { outcome } = verdict;
  const rule = `${verdict.rule.gateway} ${verdict.rule.key}`;
  if (outcome.type === 'error') return { kind: 'error', answers: [localReply(outcome.status, request)] };
  if (outcome.type === 'preflight') return { kind: 'preflight', answers: [preflighted(outcome.headers, request)] };
  if (outcome.type === 'forward')
    return { kind: 'forward', answers: outcome.shares.map((share) => forwarded(share, outcome, rule, request)) };
  const reply = localReply(outcome.status, request);
  const sent = { rule, location: new URL(outcome.location).href, cors: sorted(arriving(outcome.corsHeaders, request)) };
  return { kind: 'redirect', answers: ['status' in reply ? { ...reply, ...sent } : reply] };
}

/** Says how an answer differs from what is expected; undefined = not at all. */
export function differenceOf(expected: ExpectedAnswer, answer: KeptAnswer | 'closed' | 'reset'): string | undefined {
  const actual = typeof answer === 'string' ? { [answer]: true } : seen(answer);
  if (expected.answers.some((one) => isSame(one, actual))) return undefined;
  const allowed = expected.answers.map((one) => JSON.stringify(one)).join('\n      or ');
  return `expected ${allowed}\n but got ${JSON.stringify(actual)}`;
}

/** By what is expected; an answer may have more to it. */
function isSame(expected: Comparable, actual: Comparable): boolean {
  return Object.entries(expected).every(([key, value]) => JSON.stringify(value) === JSON.stringify(actual[key]));
}

function forwarded(share: Share, { noBackendStatus }: Forward, rule: string, sent: HttpRequest): Comparable {
  const { backend, request, responseChanges, corsHeaders, preflight } = share;
  if (preflight !== undefined) return preflighted(preflight, sent);
  if ('invalid' in backend) return localReply(noBackendStatus, sent);
  const service = serviceOf(backend.key);
  if (!answersTo(service, backend.tls)) return localReply(503, sent);
  const { protocol, speaksTls } = services[service];
  const own: readonly Header[] = protocol === 'h2c' || speaksTls ? [] : [['x-backend', service]];
  const answer = changeHeaders(own, responseChanges).filter(([name]) => name !== 'x-rule');
  const base = { status: 200, rule, cors: sorted(arriving(corsHeaders, sent)), answer: sorted(joined(answer)) };
  if (sent.method === 'HEAD') return base;
  const { method, path, host } = request;
  const headers = (protocol === 'h2c' ? overHttp2(request.headers) : request.headers).filter(isOwn);
  return { ...base, backend: service, method, path, host, headers: sorted(joined(headers)) };
}

/** Gives the headers that a client of this request gets to see. */
function arriving(headers: readonly Header[], { version }: HttpRequest): readonly Header[] {
  return version === '2' ? overHttp2(headers) : headers;
}

/** Leaves out those with white space around their values, which Node drops. */
function overHttp2(headers: readonly Header[]): readonly Header[] {
  return headers.filter(([, value]) => value === value.trim());
}

function preflighted(headers: readonly Header[], sent: HttpRequest): Comparable {
  const reply = localReply(204, sent);
  return 'status' in reply ? { ...reply, cors: sorted(arriving(headers, sent)) } : reply;
}

/** Says what Envoy answers itself; gRPC clients get it as a gRPC status. */
export function localReply(status: number, { headers }: HttpRequest): Comparable {
  const types = headers.flatMap(([name, value]) =>
    name.toLowerCase() === 'content-type' && value !== '' ? [value] : [],
  );
  const isRead = status !== 400 && status !== 501;
  return isRead && types.join(',') === 'application/grpc' ? { grpc: true } : { status };
}

function seen({ status, headers, echo }: KeptAnswer): Comparable {
  const map = new Map(headers);
  if (map.has('grpc-status')) return { grpc: true };
  const location = map.get('location');
  const answer = headers.filter(([name]) => name.startsWith('x-') && !name.startsWith('x-envoy-') && name !== 'x-rule');
  return {
    status,
    rule: map.get('x-rule'),
    refusedBy: map.get('x-refused-by'),
    location: location === undefined ? undefined : new URL(location).href,
    cors: sorted(headers.filter(([name]) => name.startsWith('access-control-'))),
    answer: sorted(joined(answer)),
    ...(echo === undefined ? {} : echoed(echo)),
  };
}

function echoed({ backend, method, url, headers }: NonNullable<KeptAnswer['echo']>): Comparable {
  const own = Object.entries(headers).flatMap(([name, value]): Header[] =>
    isOwn([name, '']) ? [[name, spaced(String(value))]] : [],
  );
  return { backend, method, path: url, host: headers.host ?? headers[':authority'], headers: sorted(own) };
}

const added = /^(x-forwarded-|x-request-id$|x-envoy-|connection$|content-length$|transfer-encoding$|host$|:|te$)/;

/** Tells whether a header is the client's or the filters' concern. */
function isOwn([name]: Header): boolean {
  return !added.test(name);
}

/** Gives repeated headers as one, as Node joins them. */
function joined(headers: readonly Header[]): readonly Header[] {
  return [...Map.groupBy(headers, ([name]) => name)].map(([name, all]) => [
    name,
    spaced(all.map(([, value]) => value).join(name === 'cookie' ? '; ' : ', ')),
  ]);
}

/** Node joins repeated headers by `, `, Envoy those that it knows by `,`; white space around a value gets lost. */
function spaced(value: string): string {
  return value.replaceAll(/ *, */g, ', ').trim();
}

function sorted(headers: readonly Header[]): readonly Header[] {
  return headers.toSorted(compareKeys);
}
