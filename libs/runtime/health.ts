// Serves HTTP for services that have no other server: /healthz (the process runs), /readyz (it can do its work, or why
// not), /metrics. It asks for no authentication, so nothing here may be secret.
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { Registry } from 'prom-client';
import type { Logger } from './log.ts';
import { listenOn } from './ports.ts';

export interface Readiness {
  readonly ok: boolean;
  /** Sentences that say what is missing; empty when ok. */
  readonly reasons: readonly string[];
}

export interface HealthServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** Listens; port 0 takes a free one. Throws FleetgateError 'port-in-use'. */
export async function startHealthServer(options: {
  readonly host: string;
  readonly port: number;
  readonly ready: () => Readiness;
  readonly registry: Registry;
  readonly log: Logger;
}): Promise<HealthServer> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      options.log.error({ err: error }, 'health request failed');
      response.destroy();
    });
  });
  server.maxConnections = 100;
  const port = await listenOn(server, options);
  server.on('error', (error) => options.log.error({ err: error }, 'health server failed'));
  return {
    port,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: { readonly ready: () => Readiness; readonly registry: Registry },
): Promise<void> {
  const path = request.url?.split('?')[0];
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', 'GET only\n');
  if (path === '/healthz') return send(response, 200, 'text/plain', 'ok\n');
  if (path === '/readyz') {
    const readiness = options.ready();
    return send(response, readiness.ok ? 200 : 503, 'application/json', `${JSON.stringify(readiness)}\n`);
  }
  if (path === '/metrics') {
    return send(response, 200, options.registry.contentType, await options.registry.metrics());
  }
  return send(response, 404, 'text/plain', 'there are /healthz, /readyz and /metrics\n');
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}
