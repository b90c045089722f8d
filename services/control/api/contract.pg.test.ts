// Any request that the document allows, and many that it does not: none is answered with a fault of ours (500), with a
// status that the document does not have, or with another body than it says. FLEETGATE_API_RUNS asks for more of them,
// FLEETGATE_API_SEED for the same ones again.
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import { z } from 'zod';
import { startFixture } from '../testing/control-fixture.ts';
import { schemaOf } from '../testing/api-client.ts';
import { fillFleet, gateway } from '../testing/fleet-sample.ts';

const runs = Number(process.env['FLEETGATE_API_RUNS'] ?? 1500);
const seed = Number(process.env['FLEETGATE_API_SEED'] ?? 20_261_128);

const valueSchema = z.looseObject({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  enum: z.array(z.string()).optional(),
  pattern: z.string().optional(),
  format: z.string().optional(),
});
const parameterSchema = z.looseObject({ name: z.string(), in: z.enum(['path', 'query']), schema: valueSchema });
const bodySchema = z.looseObject({ properties: z.record(z.string(), valueSchema) });
const operationSchema = z.looseObject({
  parameters: z.array(parameterSchema).default([]),
  requestBody: z
    .looseObject({ content: z.looseObject({ 'application/json': z.looseObject({ schema: bodySchema }) }) })
    .optional(),
  responses: z.record(z.string(), z.unknown()),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.enum(['get', 'post', 'delete']), operationSchema.optional())),
});

type ValueSchema = z.output<typeof valueSchema>;

interface Operation extends z.output<typeof operationSchema> {
  readonly method: string;
  readonly path: string;
}

interface Call {
  readonly operation: Operation;
  readonly target: string;
  readonly token: string;
  readonly body: string | undefined;
}

/** What the sample of a fleet has, so that many requests find something. */
const known: Readonly<Record<string, readonly string[]>> = {
  cluster: ['eu', 'us', 'old'],
  namespace: ['infra', 'shop', '-'],
  name: ['web', 'refused'],
  kind: ['Gateway', 'HTTPRoute'],
  version: ['1', '2', '3'],
  gateway: [gateway],
  id: ['c1', 'e1'],
  from: ['0', '1'],
  to: ['2', '3'],
  limit: ['1', '2'],
};

const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(
    '',
    '\0',
    '-',
    '%',
    '%00',
    "'",
    '\\',
    '../..',
    '1e400',
    '-1',
    '9'.repeat(30),
    'NaN',
    '\u{D800}',
    '__proto__',
  ),
);
const moment = fc
  .tuple(
    fc.date({ min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
    fc.stringMatching(/^(\.\d{1,12})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/),
  )
  .map(([date, rest]) => `${date.toISOString().slice(0, 19)}${rest}`);
const cursor = fc
  .array(fc.oneof(hostileText, fc.constantFrom('eu', 'HTTPRoute', 'shop', 'web', '2', '99999999999')), { maxLength: 5 })
  .map((key) => Buffer.from(JSON.stringify(key)).toString('base64url'));

function anyValue(name: string, { type, enum: choices, pattern, format }: ValueSchema): fc.Arbitrary<string> {
  const fitting = [
    ...(known[name] === undefined ? [] : [fc.constantFrom(...known[name])]),
    ...(name === 'after' ? [cursor] : []),
    ...(choices === undefined ? [] : [fc.constantFrom(...choices)]),
    ...(format === 'date-time' ? [moment] : []),
    ...(pattern === undefined || format === 'date-time' ? [] : [fc.stringMatching(new RegExp(pattern, 'u'))]),
    ...(type === 'integer' ? [fc.integer().map(String), fc.nat({ max: 600 }).map(String)] : []),
  ];
  return fc.oneof(...fitting.map((arbitrary) => ({ arbitrary, weight: 6 })), { arbitrary: hostileText, weight: 2 });
}

function anyBody({ properties }: z.output<typeof bodySchema>): fc.Arbitrary<string> {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const value = anyValue(name, schema);
    return [name, schema.type === 'integer' ? fc.oneof(value.map(Number), value) : fc.oneof(value, fc.boolean())];
  });
  const fitting = fc.record(Object.fromEntries(fields), { requiredKeys: [] });
  return fc.oneof(
    { arbitrary: fitting.map((body) => JSON.stringify(body)), weight: 6 },
    { arbitrary: fc.json(), weight: 1 },
    { arbitrary: fc.string(), weight: 1 },
  );
}

function anyCall(operation: Operation, tokens: readonly string[]): fc.Arbitrary<Call> {
  const inPath = operation.parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = operation.parameters.filter((parameter) => parameter.in === 'query');
  const parts = fc.tuple(...inPath.map(({ name, schema }) => anyValue(name, schema).filter(isPathPart)));
  const pairs = inQuery.map(({ name, schema }) => fc.tuple(fc.constant(name), anyValue(name, schema)));
  const strange = fc.tuple(hostileText, hostileText);
  const query = fc.oneof(
    {
      arbitrary: pairs.length === 0 ? fc.constant([]) : fc.subarray(pairs).chain((some) => fc.tuple(...some)),
      weight: 8,
    },
    { arbitrary: fc.array(fc.oneof(strange, ...pairs), { maxLength: 4 }), weight: 1 },
  );
  const schema = operation.requestBody?.content['application/json'].schema;
  const body = schema === undefined ? fc.constant(undefined) : fc.option(anyBody(schema), { nil: undefined });
  return fc.tuple(parts, query, body, fc.constantFrom(...tokens)).map(([values, given, text, token]) => {
    const path = inPath.reduce(
      (filled, { name }, index) => filled.replace(`{${name}}`, () => encode(values[index] ?? '')),
      operation.path,
    );
    const search = given.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
    return { operation, target: search === '' ? path : `${path}?${search}`, token, body: text };
  });
}

/** These are taken out of a URL before it is sent. */
function isPathPart(text: string): boolean {
  return !['', '.', '..'].includes(text);
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Says what is wrong with the answer; undefined = nothing. */
async function faultOf(url: string, { operation, target, token, body }: Call): Promise<string | undefined> {
  const { method, path, responses } = operation;
  const abort = new AbortController();
  const response = await fetch(`${url}${target}`, {
    method: method.toUpperCase(),
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
    signal: abort.signal,
  });
  const { status } = response;
  counts.set(status, (counts.get(status) ?? 0) + 1);
  if (response.headers.get('content-type') !== 'application/json; charset=utf-8') {
    abort.abort();
    return status in responses ? undefined : `undocumented status ${status}`;
  }
  const answer: unknown = await response.json();
  if (status === 500) return `500: ${JSON.stringify(answer)}`;
  if (!(status in responses)) return `undocumented status ${status}: ${JSON.stringify(answer)}`;
  const check = schemaOf(method.toUpperCase(), path, status).safeParse(answer);
  return check.success ? undefined : `${status} with another body: ${z.prettifyError(check.error)}`;
}

const counts = new Map<number, number>();

void t.test('no request meets a fault or what the document does not say', async (t) => {
  const { url, tokens, operations } = await documentedFleet(t);
  const call = fc.oneof(...operations.map((operation) => anyCall(operation, tokens)));
  const property = fc.asyncProperty(call, async (one) => {
    const fault = await faultOf(url, one);
    if (fault !== undefined) throw new Error(`${one.operation.method} ${one.target} ${one.body ?? ''}: ${fault}`);
  });
  const details = await fc.check(property, { numRuns: runs, seed });
  if (details.failed) t.fail(fc.defaultReportMessage(details) ?? 'it failed');
  const summary = [...counts].toSorted(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`);
  t.comment(`${details.numRuns} requests, seed ${seed}: ${summary.join(', ')}`);
  const share = (status: number): number => (counts.get(status) ?? 0) / details.numRuns;
  t.ok(share(200) > 0.2, 'many find something');
  t.ok(share(400) > 0.1 && share(404) > 0.05, 'many are refused');
});

async function documentedFleet(t: Test) {
  const fixture = await startFixture(t);
  await fillFleet(fixture);
  const { url, tokens } = fixture;
  const document = documentSchema.parse(await (await fetch(`${url}/openapi.json`)).json());
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      operation === undefined ? [] : [{ ...operation, method, path }],
    ),
  );
  t.ok(operations.length > 20);
  // Mostly an admin's, so that most requests come far.
  return {
    url,
    operations,
    tokens: [tokens.admin, tokens.admin, tokens.admin, tokens.operator, tokens.viewer, 'fg_x'],
  };
}
