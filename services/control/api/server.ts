// Serves the API over HTTP: the endpoints of the table with authentication, limits and one form for errors; health,
// metrics and the OpenAPI document.
import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { z } from 'zod';
import { changesPath, refusedEverywhere } from '#libs/api/endpoint.ts';
import { Problem, type ProblemCode } from '#libs/api/problem.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Readiness } from '#libs/runtime/health.ts';
import type { Metrics } from '#libs/runtime/metrics.ts';
import type { Visitor } from '../access/tokens.ts';
import type { Access, Refused } from '../access/access.ts';
import { describeEndpoint, openApiDocument, refusals, registerOpenApi } from './openapi.ts';
import { Accepted, type Api, type ServedEndpoint } from './endpoint.ts';
import { endpointTable } from './endpoint-table.ts';
import { unknownParameter } from './unknown-parameter.ts';

interface ServerOptions {
  readonly api: Api;
  readonly access: Access;
  readonly metrics: Metrics;
  readonly ready: () => Readiness;
}

const bodyBytesMax = 64 * 1024;
const pathPartMax = 260;
const requestTimeoutMs = 30_000;
const connectionsMax = 10_000;

/** Builds the server; it does not listen yet. */
export async function buildServer(options: ServerOptions): Promise<FastifyInstance> {
  const { api, metrics } = options;
  const server = fastify({
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: 65_000,
    routerOptions: { maxParamLength: pathPartMax, ignoreTrailingSlash: true },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: (error, _request, reply) => void send(reply, problemOf(error)),
    // Requests are checked by the endpoints themselves, with the schemas that the document shows.
    exposeHeadRoutes: false,
  });
  server.server.maxConnections = connectionsMax;
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (body) => JSON.stringify(body));
  server.removeContentTypeParser('text/plain');
  server.addHook('onRequest', async (_request, reply) => void reply.header('x-content-type-options', 'nosniff'));
  measure(server, metrics);
  server.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      api.log.error({ err: error, method: request.method, path: pathOf(request) }, 'a request failed');
    return send(reply, problem);
  });
  server.setNotFoundHandler((request, reply) => {
    return send(
      reply,
      new Problem(
        'not-found',
        `there is no ${request.method} ${pathOf(request)}`,
        'GET /openapi.json lists every path.',
      ),
    );
  });
  await registerOpenApi(server, api.version);
  server.register(async (scope) => {
    for (const endpoint of endpointTable) registerEndpoint(scope, options, endpoint);
    registerChanges(scope, options);
    registerProcess(scope, options);
  });
  await server.ready();
  return server;
}

function registerEndpoint(server: FastifyInstance, { api, access }: ServerOptions, endpoint: ServedEndpoint): void {
  const callers = new WeakMap<FastifyRequest, Visitor>();
  server.route({
    method: endpoint.method,
    url: endpoint.path,
    schema: describeEndpoint(endpoint),
    // Before the body is read.
    async onRequest(request, reply) {
      const admitted = await access.admit(request.raw, endpoint.role);
      if ('caller' in admitted) callers.set(request, admitted.caller);
      else await refuse(reply, admitted);
    },
    async handler(request, reply) {
      const caller = callers.get(request);
      assert(caller);
      const { params, query, body } = request;
      if (endpoint.tag === 'history') access.noteReading(caller, `${endpoint.method} ${endpoint.path}`);
      const answer = await endpoint.handle(api, await api.names.toKept({ params, query, body: body ?? {} }), caller);
      const [status, said] = bodyOf(answer);
      const json = await api.personal.toJson(await api.names.toShown(said), api.personal.isShownTo(caller));
      if (status === 200) reply.header('cache-control', 'no-store');
      return reply.code(status).type('application/json; charset=utf-8').send(json);
    },
  });
}

function bodyOf(answer: unknown): [status: number, body: unknown] {
  if (answer instanceof Problem) return [answer.status, answer.body];
  return answer instanceof Accepted ? [202, answer.body] : [200, answer];
}

/** Hands the response over, because a stream of server-sent events outlives its request. */
function registerChanges(server: FastifyInstance, { api, access }: ServerOptions): void {
  server.route({
    method: 'GET',
    url: changesPath,
    schema: {
      tags: ['fleet'],
      summary: 'What changes, as it changes: server-sent events',
      description:
        'Events `clusters`, `gateways` and `nodes`, with `{all, items}` as in their lists: ' +
        'first everything (`all: true`, at most 1,000), then what changed. Role: viewer.',
      operationId: 'getChanges',
      security: [{ token: [] }],
      response: {
        200: { description: 'A stream of events.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
        ...refusals([...refusedEverywhere, 'busy']),
      },
    },
    async handler(request, reply) {
      const admitted = await access.admit(request.raw, 'viewer');
      if (!('caller' in admitted)) return refuse(reply, admitted);
      const unknown = unknownParameter(request.query, []);
      if (unknown !== undefined) return send(reply, unknown);
      if (api.streams.isFull) return send(reply, new Problem('busy', 'too many streams are open'));
      reply.hijack();
      await api.streams.open(reply.raw, admitted.caller);
      return reply;
    },
  });
}

function registerProcess(server: FastifyInstance, { api, metrics, ready }: ServerOptions): void {
  const readiness = {
    type: 'object',
    properties: { ok: { type: 'boolean' }, reasons: { type: 'array', items: { type: 'string' } } },
  };
  const answers = {
    description: 'Whether it can work, and why not.',
    content: { 'application/json': { schema: readiness } },
  };
  server.get('/healthz', { schema: plain('Whether the process runs') }, async (_request, reply) =>
    reply.type('text/plain').send('ok\n'),
  );
  server.get(
    '/readyz',
    { schema: { tags: ['process'], summary: 'Whether it can do its work', response: { 200: answers, 503: answers } } },
    async (_request, reply) => {
      const state = ready();
      return reply.code(state.ok ? 200 : 503).send(state);
    },
  );
  server.get('/metrics', { schema: plain('Prometheus metrics') }, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  const document = { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } };
  server.get(
    '/openapi.json',
    { schema: { tags: ['process'], summary: `This document, version ${api.version}`, response: { 200: document } } },
    async (_request, reply) => reply.send(openApiDocument(server)),
  );
}

function plain(summary: string) {
  return {
    tags: ['process'],
    summary,
    response: { 200: { description: 'Text.', content: { 'text/plain': { schema: { type: 'string' } } } } },
  };
}

function measure(server: FastifyInstance, metrics: Metrics): void {
  const seconds = metrics.histogram('api_request_seconds', 'Time to answer a request', ['method', 'route', 'status']);
  server.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    if (route === changesPath) return;
    seconds.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime / 1000);
  });
}

function refuse(reply: FastifyReply, { problem, retryAfter }: Refused): FastifyReply {
  if (retryAfter !== null) reply.header('retry-after', String(retryAfter));
  if (problem.code === 'unauthorized') reply.header('www-authenticate', 'Bearer realm="fleetgate"');
  return send(reply, problem);
}

function send(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply.code(problem.status).send(problem.body);
}

const statusCodes: Readonly<Record<number, ProblemCode>> = {
  413: 'too-large',
  415: 'media-type',
  404: 'not-found',
  429: 'too-many-requests',
};
/** Answers what Node's parser gave up on, and closes the connection: nobody knows where a next request would begin. */
function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error);
  const problem =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new Problem('headers-too-large', 'the line of the request and its headers are too long')
      : new Problem('bad-request', 'the request is no HTTP, or it came too slowly');
  const body = JSON.stringify(problem.body);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** SQLSTATE classes and errno codes of a database that is away or gave up. */
const databaseAway = /^(08|53|57)|^E(CONN|PIPE|TIMEDOUT|HOST|NET|AI)/;
const withCode = z.object({ code: z.string() });

function problemOf(error: FastifyError): Problem {
  const status = error.statusCode ?? 500;
  if (status < 500) return new Problem(statusCodes[status] ?? 'bad-request', error.message);
  const code = withCode.safeParse(error).data?.code ?? '';
  if (
    databaseAway.test(code) ||
    /timeout exceeded when trying to connect|Connection terminated/.test(messageOf(error))
  ) {
    return new Problem('postgres-unreachable', 'Postgres does not answer');
  }
  return new Problem('internal', 'the request could not be answered');
}

function pathOf(request: FastifyRequest): string {
  return (request.url.split('?')[0] ?? '').slice(0, 200);
}
