// Lists the questions that the benchmark asks of a made-up history: what the API is asked, and how soon it should
// answer. A question is a row; `deep` asks for pages further on, too.
import { known } from './fleet.ts';

/** One question. */
export interface Question {
  readonly name: string;
  /** Path and query below /api/v1. */
  readonly path: string;
  readonly limitMs: number;
  readonly deep?: true;
}

/** The times between which the history lies, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly until: number;
}

const eventMs = 200;
const blameMs = 500;
const atMs = 1000;

/** Gives every question of a history. */
export function questionsOf(span: Span): readonly Question[] {
  const at = (share: number): string => new Date(span.from + (span.until - span.from) * share).toISOString();
  const { cluster, kind, namespace, name } = known.hot;
  const hot = { cluster, kind, namespace, name };
  const common = known.commonManager;
  return [
    ...events('without a filter', {}),
    ...events('--cluster', { cluster: 'c1' }),
    ...events('--namespace', { namespace: 'team-3' }),
    ...events('--kind, of most', { kind: 'HTTPRoute' }),
    ...events('--kind, of few', { kind: 'GatewayClass' }),
    ...events('--kind, of none', { kind: 'TLSRoute' }),
    ...events('--object, of 100,000', hot),
    ...events('--object, of few', { cluster: 'c1', kind: 'HTTPRoute', namespace: 'team-2', name: 'r2' }),
    ...events('--by, of many', { manager: common }),
    ...events('--by, of three', { manager: known.rarePerson }),
    ...events('--by, of nobody', { manager: 'nobody' }),
    ...events('--what deleted', { type: 'deleted' }),
    ...events('--what rollback', { type: 'rollback' }),
    ...events('--what restored, none', { type: 'restored' }),
    ...events('--since, --until, a tenth', { since: at(0.3), until: at(0.4) }),
    ...events('--until, before all', { until: at(-0.1) }),
    ...events('--since the middle --by three', { since: at(0.2), manager: known.rarePerson }),
    ...events('--kind --by that never meet', { kind: 'Service', manager: 'helm', type: 'deleted' }),
    ...events('--cluster --kind --by --what', { cluster: 'c1', kind: 'HTTPRoute', manager: common, type: 'deleted' }),
    ...events('--object of 100,000 --by nobody there', { ...hot, manager: 'terraform' }),
    ...events('--host, of 100,000', { host: known.hotHost }),
    ...events('--host, shared by clusters', { host: known.sharedHost }),
    ...events('--host, of three', { host: known.rareHost }),
    ...events('--host, of none', { host: 'nobody.example.org' }),
    ...events('--host *.example.com, nearly all', { host: '*.example.com' }),
    ...events('--host *.example.com --by nobody', { host: '*.example.com', manager: 'nobody' }),
    ...events('--host shared --what deleted --cluster', { host: known.sharedHost, type: 'deleted', cluster: 'c1' }),
    ...events('--path, of few', { path: '/r7/items' }),
    ...events('--path /, of one route with 100,000', { path: '/' }),
    ...events('--path --host that never meet', { path: '/r7', host: known.hotHost }),
    ...events('--gateway', { gateway: known.gateway }),
    ...events('--gateway, of 100,000', { gateway: 'c0/infra/web' }),
    ...events('--gateway --by nobody', { gateway: known.gateway, manager: 'nobody' }),
    ...events('--gateway --what rollback', { gateway: known.gateway, type: 'rollback' }),
    ...events('--gateway, of none', { gateway: 'c1/infra/none' }),
    ...[0.01, 0.5, 1].flatMap((share) => then(`${share * 100} % of the time`, at(share))),
    {
      name: 'at routes, of a gateway',
      path: `/at/routes?at=${at(0.5)}&gateway=${known.gateway}&limit=1000`,
      limitMs: atMs,
    },
    { name: 'at gateways, of a version', path: `/at/gateways?at=${known.gateway}@1&limit=1000`, limitMs: atMs },
    { name: 'report, first page', path: `/report?since=${at(0.5)}&limit=50`, limitMs: eventMs },
    { name: 'report, 50 at random', path: `/report?since=${at(0.5)}&sample=50&seed=7`, limitMs: atMs },
    { name: 'blame of 100,000', path: `/objects/${cluster}/${kind}/${namespace}/${name}/blame`, limitMs: blameMs },
    { name: 'blame of few', path: '/objects/c1/HTTPRoute/team-2/r2/blame', limitMs: blameMs },
    {
      name: 'history of 100,000',
      path: `/objects/${cluster}/${kind}/${namespace}/${name}/history?limit=50`,
      limitMs: blameMs,
    },
  ];
}

/** Asks for the newest events first, also for pages further on, and for the oldest first. */
function events(name: string, query: Readonly<Record<string, string>>): readonly Question[] {
  return [
    { name: `events ${name}`, path: `/events?${new URLSearchParams(query).toString()}`, limitMs: eventMs, deep: true },
    {
      name: `events ${name}, oldest first`,
      path: `/events?${new URLSearchParams({ ...query, order: 'asc' }).toString()}`,
      limitMs: eventMs,
    },
  ];
}

/** Asks for the fleet as it was at a time. */
function then(name: string, at: string): readonly Question[] {
  return ['routes', 'gateways'].map((what) => ({
    name: `at ${what}, ${name}`,
    path: `/at/${what}?at=${at}&limit=1000`,
    limitMs: atMs,
    deep: true,
  }));
}
