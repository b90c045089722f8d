// Sends steady traffic to the storefront of `fleetgate up --demo`. Every answer is checked against what the routes
// say; one wrong or failed answer fails the run. Rules that the disturbances edit may answer by either of their two
// contents, and by nothing else.
//
//   BASE_PORT, TLS_PORT: where the listeners are; DURATION: for how long; RATE: requests per second
import { check } from 'k6';
import http from 'k6/http';
import { Rate } from 'k6/metrics';

const httpPort = __ENV['BASE_PORT'] ?? '8080';
const tlsPort = __ENV['TLS_PORT'] ?? '8443';
const clusters = ['eu', 'us'];
const right = new Rate('right_answers');

export const options = {
  insecureSkipTLSVerify: true,
  hosts: Object.fromEntries(
    clusters.flatMap((cluster) =>
      ['shop', 'pay'].map((name) => [`${name}.${cluster}.storefront.example`, '127.0.0.1']),
    ),
  ),
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV['RATE'] ?? 200),
      timeUnit: '1s',
      duration: __ENV['DURATION'] ?? '60s',
      preAllocatedVUs: 20,
      maxVUs: 200,
    },
  },
  thresholds: { right_answers: ['rate==1'], checks: ['rate==1'], iterations: ['count>0'] },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
};

interface Case {
  readonly host: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  /** `service version`, any of them. */
  readonly by: readonly string[];
  readonly status: number;
}

const cases: readonly Case[] = [
  { host: 'shop', path: '/cart', by: ['cart v1'], status: 200 },
  { host: 'shop', path: '/cart/items?id=7', by: ['cart v1'], status: 200 },
  { host: 'shop', path: '/catalog/shoes', by: ['catalog v1', 'cart v1'], status: 200 }, // edited by the disturbances
  { host: 'shop', path: '/nothing/here', by: ['not-found v1'], status: 404 },
  { host: 'pay', path: '/', by: ['payments v1', 'payments-canary v2'], status: 200 },
  { host: 'pay', path: '/', headers: { 'x-canary': 'always' }, by: ['payments-canary v2'], status: 200 },
];

export default function request(): void {
  const wanted = oneOf(cases);
  const cluster = oneOf(clusters);
  const [scheme, port] = Math.random() < 0.3 ? ['https', tlsPort] : ['http', httpPort];
  const origin = `${scheme}://${wanted.host}.${cluster}.storefront.example:${port}`;
  const response = http.get(`${origin}${wanted.path}`, {
    headers: wanted.headers ?? {},
    responseCallback: http.expectedStatuses(wanted.status),
    tags: { name: `${wanted.host}${wanted.path}` },
  });
  const body = typeof response.body === 'string' ? response.body : '';
  const ok = check(response, {
    'status as the routes say': (r) => r.status === wanted.status,
    'service as the routes say': () => wanted.by.some((by) => body.startsWith(`${by} in ${cluster}:`)),
  });
  right.add(ok);
  if (!ok) console.error(`wrong: ${origin}${wanted.path} → ${response.status} ${response.error} ${body.slice(0, 80)}`);
}

function oneOf<T>(list: readonly T[]): T {
  const item = list[Math.floor(Math.random() * list.length)];
  if (item === undefined) throw new Error('an empty list');
  return item;
}
