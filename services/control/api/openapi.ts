// Makes the OpenAPI 3.1 document, with @fastify/swagger, from the schemas that check the requests.
import type { FastifyInstance } from 'fastify';
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { z } from 'zod';
import { type Endpoint, refusalsOf } from '#libs/api/endpoint.ts';
import { tags } from '#libs/api/endpoints.ts';
import { type ProblemCode, problemBody, statusOf } from '#libs/api/problem.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Schemas with an id, by it: filled as endpoints are described. */
const shared = new Map<string, JsonSchema>();
const localPrefix = '#/$defs/';
const sharedPrefix = '#/components/schemas/';

/** Registers the document's maker; endpoints come after it. */
export async function registerOpenApi(server: FastifyInstance, version: string): Promise<void> {
  const options: FastifyDynamicSwaggerOptions = {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Fleetgate',
        version,
        description:
          'The Gateway API of a fleet of clusters as one history. ' +
          'Nodes connect to the WebSocket `/v1/node`, which is not part of this document. ' +
          'Lists are paged: give `next` of one page as `after` of the request for the following one.',
      },
      tags: [...tags],
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'A token of `fleetgate token create`.' },
        },
      },
    },
  };
  await server.register(swagger, options);
}

/** Makes the document, once all endpoints are registered. */
export function openApiDocument(server: FastifyInstance): JsonSchema {
  const document = server.swagger();
  const components = 'components' in document ? document.components : undefined;
  const schemas = Object.fromEntries([...shared].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { ...document, components: { ...components, schemas } };
}

/** Makes what fastify shows of an endpoint. */
export function describeEndpoint(endpoint: Endpoint): Record<string, unknown> {
  const { params, query, body } = endpoint.input.shape;
  return {
    tags: [endpoint.tag],
    summary: endpoint.summary,
    description: `${endpoint.description === undefined ? '' : `${endpoint.description} `}Role: ${endpoint.role}.`,
    operationId: operationId(endpoint),
    security: [{ token: [] }],
    ...(params === undefined ? {} : { params: toJsonSchema(params, 'input') }),
    ...(query === undefined ? {} : { querystring: toJsonSchema(query, 'input') }),
    ...(body === undefined ? {} : { body: toJsonSchema(body, 'input') }),
    response: {
      200: toAnswer(endpoint.returns, 'Done.'),
      ...(endpoint.accepts === undefined ? {} : { 202: toAnswer(endpoint.accepts, 'Taken, not decided yet.') }),
      ...refusals(refusalsOf(endpoint)),
    },
  };
}

/** Describes the answers of what is not done: each status once, with the codes that its body may have. */
export function refusals(codes: readonly ProblemCode[]): Record<string, JsonSchema> {
  const byStatus = Object.groupBy(codes, statusOf);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, same = []]) => [
      status,
      toAnswer(problemBody, `Not done; the body says why, with the code ${same.join(' or ')}.`),
    ]),
  );
}

/** Makes the JSON Schema 2020-12 of a schema; those with an id become components. */
function toJsonSchema(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _, $defs: definitions, ...rest } = z.toJSONSchema(schema, { io, override: showDefault });
  for (const [id, definition] of Object.entries(definitions ?? {})) {
    const { id: __, ...shown } = definition;
    shared.set(id, pointToComponents(shown));
  }
  return pointToComponents(rest);
}

/** Shows the default of a number in a query, which zod leaves out because it is read from text. */
function showDefault({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: { default?: unknown } }): void {
  if (zodSchema instanceof z.ZodDefault) jsonSchema.default = zodSchema.def.defaultValue;
}

function toAnswer(schema: z.ZodType, description: string): JsonSchema {
  const { id, ...shown } = toJsonSchema(schema, 'output');
  if (typeof id !== 'string') return { description, ...shown };
  shared.set(id, shown);
  return { description, content: { 'application/json': { schema: { $ref: `${sharedPrefix}${id}` } } } };
}

function pointToComponents(schema: JsonSchema): JsonSchema {
  return parseSchema(JSON.stringify(schema).replaceAll(`"$ref":"${localPrefix}`, `"$ref":"${sharedPrefix}`));
}

function parseSchema(json: string): JsonSchema {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(json));
}

/** `GET /api/v1/gateways/:cluster/:namespace/:name/diff` → `getGatewaysClusterNamespaceNameDiff`. */
function operationId({ method, path }: Endpoint): string {
  const words = path.split(/[/:]+/).slice(3).filter(Boolean);
  return [method.toLowerCase(), ...words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)].join('');
}
