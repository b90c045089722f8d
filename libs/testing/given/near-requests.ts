// Makes random requests for a route set, by HTTP/1.1 and HTTP/2: what a rule wants, mostly with one thing that is a
// little different.
import * as fc from 'fast-check';
import type { ClientTls } from '#libs/matching/client-tls.ts';
import type { HttpRequest } from '#libs/matching/request.ts';
import type { HttpRuleEntry, ListenerEntry } from '#libs/snapshot/entry.ts';
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';
import { anyLine, anyNomination, anyValue, overHttp1, overHttp2 } from './random-headers.ts';
import { clientAuthorities } from './random-listeners.ts';
import type { RouteSet } from './route-sets.ts';

/** Choices that become a request once there is a route set. */
interface RequestChoice {
  readonly rule: number;
  readonly match: number;
  readonly host: number;
  readonly listener: number;
  readonly hostSpelling: number;
  readonly serverName: number;
  readonly version: '1.1' | '2';
  readonly certificate: number;
  readonly changes: readonly { readonly what: Change; readonly pick: number }[];
}

const changes = [
  'path',
  'path',
  'method',
  'header',
  'query',
  'host',
  'cors',
  'repeat',
  'repeat',
  'line',
  'nominate',
  'grpc',
] as const;
type Change = (typeof changes)[number];

const hosts = ['a.test', 'b.test', 'x.a.test', 'y.x.a.test', 'test', 'c.other', 'elsewhere', '127.0.0.1', '[::1]'];
const methods = ['GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PUT'];
const regexExamples = new Map<string, string>([
  ['/a/[bc]+', '/a/bcb'],
  ['/[^/]+/Method', '/any/Method'],
  ['/[^/]+/b', '/a/b'],
  ['/a.*', '/a/x'],
  ['.*b', '/q/b'],
  ['/a/b(/.*)?', '/a/b/z'],
  ['(?i)/AB', '/aB'],
  ['/[^/]*', '/one'],
  ['[0-9]+', '12'],
  ['1|2', '2'],
  ['.*', 'any thing'],
  ['1.*', '1x'],
]);

/** Choices of one request. */
export const requestChoice: fc.Arbitrary<RequestChoice> = fc.record({
  rule: fc.nat(40),
  match: fc.nat(5),
  host: fc.nat(5),
  listener: fc.nat(20),
  hostSpelling: fc.nat(11),
  serverName: fc.nat(14),
  version: fc.constantFrom('1.1', '1.1', '2'),
  certificate: fc.nat(9),
  changes: fc.uniqueArray(fc.record({ what: fc.constantFrom(...changes), pick: fc.nat(400) }), {
    selector: ({ what }) => what,
    maxLength: 3,
  }),
});

/** Gives the request that choices mean for a route set. */
export function nearRequest(set: RouteSet, choice: RequestChoice): HttpRequest {
  const all = set.gateways.flatMap(({ gateway, entries }) =>
    [...entries.values()].map((entry) => ({ gateway, entry })),
  );
  const listeners = all.flatMap(({ gateway, entry }) =>
    entry.kind === 'listener' && entry.protocol !== 'UDP' ? [{ gateway, entry }] : [],
  );
  const rules = all.flatMap(({ gateway, entry }) => (entry.kind === 'http-rule' ? [{ gateway, entry }] : []));
  const aim = rules.length === 0 ? undefined : at(rules, choice.rule);
  const attached = aim === undefined ? undefined : at(aim.entry.hosts, choice.host);
  const listener =
    listeners.find(({ gateway, entry }) => gateway === aim?.gateway && entry.name === attached?.listener)?.entry ??
    at(listeners, choice.listener).entry;
  const draft = draftOf(aim?.entry, choice.match, attached?.hostname ?? listener.hostname);
  const isShared = aim?.entry.filters.some(({ type }) => type === 'cors') === true && choice.hostSpelling > 5;
  if (isShared) change(draft, 'cors', choice.listener + choice.match);
  for (const { what, pick } of choice.changes) change(draft, what, pick);
  const host = spell(draft.host, choice.hostSpelling, listener.port);
  const query = draft.query.map(([name, value]) => `${name}=${value}`).join('&');
  const { method, path } = draft;
  const { version } = choice;
  const headers = version === '2' ? overHttp2(draft.headers) : overHttp1(draft.headers);
  const base = {
    version,
    port: listener.port,
    method,
    path: query === '' ? path : `${path}?${query}`,
    host,
    headers,
  };
  if (listener.protocol !== 'HTTPS') return base;
  const tls = { ...serverName(draft.host, listener, choice.serverName), ...shownTo(listener, choice.certificate) };
  return { ...base, tls };
}

interface Draft {
  method: string;
  path: string;
  host: string;
  query: [string, string][];
  headers: [string, string][];
}

function draftOf(rule: HttpRuleEntry | undefined, index: number, hostname: string): Draft {
  const host = hostname.startsWith('*.') ? `w${hostname.slice(1)}` : hostname === '*' ? 'any.example' : hostname;
  if (rule === undefined) return { method: 'GET', path: '/', host, query: [], headers: [] };
  const match = at(rule.matches, index);
  const headers = match.headers.flatMap((one): [string, string][] =>
    one.name === 'host' || one.name === 'x-forwarded-proto' ? [] : [[one.name, example(one)]],
  );
  const query = match.query.map((one): [string, string] => [one.name, encodeURIComponent(example(one))]);
  return { method: match.method ?? 'GET', path: pathFor(match.path), host, query, headers };
}

function pathFor({ type, value }: HttpMatch['path']): string {
  return type === 'RegularExpression' ? (regexExamples.get(value) ?? value) : value;
}

function example({ type, value }: StringMatch): string {
  return type === 'Exact' ? value : (regexExamples.get(value) ?? 'x');
}

function change(draft: Draft, what: Change, pick: number): void {
  switch (what) {
    case 'path':
      draft.path = at(pathChanges, pick)(draft.path);
      break;
    case 'method':
      draft.method = at(methods, pick);
      break;
    case 'header':
      changeNamed(
        draft.headers,
        pick,
        ['x-a', 'x-b', 'X-A', 'x_a', 'X_Forwarded-Proto'],
        ['1', '2', '1,2', '12', '', 'x y', ' 1 '],
      );
      break;
    case 'query':
      changeNamed(draft.query, pick, ['v', 'w', 'W', 'V'], ['1', '2', '1%2C2', '12', '', 'x%20y', 'x+y', '%31']);
      break;
    case 'host':
      draft.host = at(hosts, pick);
      break;
    case 'cors':
      if (draft.headers.some(([name]) => name === 'Origin')) break;
      draft.headers.push([
        'Origin',
        at(['https://a.test', 'https://x.a.test', 'https://x.y.a.test', 'http://b.test', 'null'], pick),
      ]);
      if (pick % 2 === 0) draft.headers.push(['Access-Control-Request-Method', at(['PUT', 'GET', 'POST'], pick)]);
      if (pick % 3 === 0) draft.headers.push(['Access-Control-Request-Headers', 'x-a, x-z']);
      if (pick % 4 < 3) draft.method = 'OPTIONS';
      break;
    case 'repeat':
      if (draft.headers.length > 0) draft.headers.push([at(draft.headers, pick)[0], anyValue(Math.floor(pick / 4))]);
      if (draft.query.length > 0) draft.query.push([at(draft.query, pick)[0], String(pick)]);
      break;
    case 'line':
      draft.headers.push([...anyLine(pick)]);
      break;
    case 'nominate':
      draft.headers.push(['Connection', anyNomination(pick)]);
      break;
    case 'grpc':
      draft.headers.push(['Content-Type', 'application/grpc']);
      break;
  }
}

const pathChanges: readonly ((path: string) => string)[] = [
  (path) => `${path}/`,
  (path) => path.replace(/\/$/, '') || '/',
  (path) => `${path}x`,
  (path) => path.slice(0, -1) || '/',
  (path) => `${path.replace(/\/$/, '')}/more/deep`,
  (path) => path.toUpperCase(),
  (path) => `/${path}`,
  (path) => `/q/..${path}`,
  (path) => `/.${path}`,
  (path) => `${path}/../b`,
  (path) => `${path}/..`,
  (path) => `${path}/.`,
  (path) => `${path}/%2e%2E/a`,
  (path) => path.replace('a', '%61'),
  (path) => path.replace('b', '%62'),
  (path) => path.replaceAll('/', '%2F').replace('%2F', '/'),
  (path) => `${path}%2fb`,
  (path) => `${path}%7ex`,
  (path) => `${path}%zz`,
  (path) => `${path}/a;b=c`,
  (path) => path.replace('/b', '//b'),
  (path) => `${path}/"<>^\`{|}`,
  (path) => path.replaceAll('/', '\\').replace('\\', '/'),
  (path) => `${path}/a:b@c!$&'()*+,=[]`,
];

function changeNamed(
  list: [string, string][],
  pick: number,
  names: readonly string[],
  values: readonly string[],
): void {
  const first = list[pick % Math.max(1, list.length)];
  if (first === undefined || pick % 4 === 3) list.push([at(names, pick), at(values, Math.floor(pick / 4))]);
  else if (pick % 4 === 0) list.splice(pick % list.length, 1);
  else first[1] = at(values, pick);
}

function spell(host: string, how: number, port: number): string {
  if (how === 0) return host.toUpperCase();
  if (how === 1) return `${host}:${port}`;
  if (how === 2) return `${host}:1`;
  if (how === 3 && /^[a-z]/.test(host)) return `${host}.`;
  if (how === 4 && /^[a-z]/.test(host)) return `${host.slice(0, 1).toUpperCase()}${host.slice(1)}.:80`;
  return host;
}

function serverName(host: string, listener: ListenerEntry, how: number): { readonly serverName?: string } {
  if (how === 0) return {};
  if (how === 1) return { serverName: 'a.test' };
  if (how === 2) return { serverName: 'other.a.test' };
  if (how === 3) return { serverName: listener.hostname.startsWith('*') ? 'nobody.example' : listener.hostname };
  return /^[a-z][a-z.]*$/.test(host) ? { serverName: host } : {};
}

/** Most clients show what is demanded of them. */
function shownTo({ clientValidation }: ListenerEntry, how: number): Pick<ClientTls, 'certificate'> {
  const authority = how < clientAuthorities.length ? clientAuthorities[how] : clientValidation?.authorities[0];
  return authority === undefined || how === clientAuthorities.length ? {} : { certificate: { signedBy: [authority] } };
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('an empty list');
  return found;
}
