// Serves the small services behind the example's routes: one HTTP server per address and port of every EndpointSlice
// that is labelled `demo.fleetgate.dev/serve`. It follows the folders as they are edited. Each server says who
// answered; nothing of Fleetgate depends on it.
import { readFileSync, readdirSync, watch } from 'node:fs';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { pause } from '#libs/runtime/pause.ts';

/** One server: where it listens and what it says. */
interface DemoUpstream {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly version: string;
  /** Status of every answer. */
  readonly status: number;
  readonly host: string;
  readonly port: number;
}

interface DemoFolder {
  readonly cluster: string;
  readonly folder: string;
}

const settleMs = 100;
const serveLabel = 'demo.fleetgate.dev/serve';

const slice = z.object({
  kind: z.literal('EndpointSlice'),
  metadata: z.object({
    namespace: z.string().default('default'),
    labels: z.object({ 'kubernetes.io/service-name': z.string(), [serveLabel]: z.literal('true') }),
    annotations: z
      .object({
        'demo.fleetgate.dev/version': z.string().default('v1'),
        'demo.fleetgate.dev/status': z.coerce.number().int().min(200).max(599).default(200),
      })
      .prefault({}),
  }),
  endpoints: z.array(z.object({ addresses: z.array(z.string()) })),
  ports: z.array(z.object({ port: z.number().int().min(1).max(65_535) })),
});

/** Reads the upstreams that one folder's manifests ask for; files that cannot be read are the agent's to report. */
function parseDemoUpstreams({ cluster, folder }: DemoFolder): readonly DemoUpstream[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isManifest);
  return files.flatMap((file) => documentsOf(join(folder, file))).flatMap((document) => upstreamsOf(cluster, document));
}

/** Starts every upstream, and follows edits of the folders until stopped. */
export async function startDemoUpstreams(
  folders: readonly DemoFolder[],
  onProblem: (sentence: string) => void,
): Promise<{ stop(): Promise<void> }> {
  const servers = new Map<string, Server>();
  const update = async (): Promise<void> => {
    const wanted = new Map(folders.flatMap(parseDemoUpstreams).map((upstream) => [JSON.stringify(upstream), upstream]));
    const gone = [...servers].filter(([key]) => !wanted.has(key));
    await Promise.all(gone.map(([key, server]) => close(server).then(() => servers.delete(key))));
    const missing = [...wanted].filter(([key]) => !servers.has(key));
    await Promise.all(
      missing.map(async ([key, upstream]) => {
        try {
          servers.set(key, await listen(upstream));
        } catch (error) {
          onProblem(`${upstream.service} cannot listen on ${upstream.host}:${upstream.port}: ${String(error)}`);
        }
      }),
    );
  };
  let turn = update();
  await turn;
  let isDue = false;
  const follow = (_event: string, file: string | null): void => {
    if (isDue || (file !== null && !isManifest(file))) return;
    isDue = true;
    // Editors write in steps, and people edit many files at once.
    turn = turn
      .then(() => pause(settleMs))
      .then(() => {
        isDue = false;
        return update();
      })
      .catch((error: unknown) => onProblem(String(error)));
  };
  const watchers = folders.map(({ folder }) => watch(folder, { recursive: true }, follow));
  return {
    async stop() {
      for (const watcher of watchers) watcher.close();
      await turn;
      await Promise.all([...servers.values()].map(close));
    },
  };
}

function isManifest(file: string): boolean {
  return /\.ya?ml$/u.test(file);
}

function documentsOf(path: string): readonly unknown[] {
  try {
    const text = readFileSync(path, 'utf8');
    // Parsing is slow, and this process answers requests meanwhile: routes may be many.
    if (!text.includes(serveLabel)) return [];
    return parseAllDocuments(text).map((document) => document.toJS() as unknown);
  } catch {
    return [];
  }
}

function upstreamsOf(cluster: string, document: unknown): readonly DemoUpstream[] {
  const read = slice.safeParse(document);
  if (!read.success) return [];
  const { metadata, endpoints, ports } = read.data;
  const hosts = endpoints.flatMap((endpoint) => endpoint.addresses);
  return hosts.flatMap((host) =>
    ports.map(({ port }) => ({
      cluster,
      namespace: metadata.namespace,
      service: metadata.labels['kubernetes.io/service-name'],
      version: metadata.annotations['demo.fleetgate.dev/version'],
      status: metadata.annotations['demo.fleetgate.dev/status'],
      host,
      port,
    })),
  );
}

function listen(upstream: DemoUpstream): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => answer(upstream, request, response));
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(upstream.port, upstream.host, () => resolve(server));
  });
}

/** Answers with one line of text, or with everything about the request as JSON where that is asked for. */
function answer(upstream: DemoUpstream, request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const { cluster, namespace, service, version, status } = upstream;
  const { method, url: path, headers } = request;
  const wantsJson = headers.accept?.includes('application/json') === true;
  response.statusCode = status;
  response.setHeader('content-type', wantsJson ? 'application/json' : 'text/plain');
  response.end(
    wantsJson
      ? `${JSON.stringify({ cluster, namespace, service, version, method, path, headers })}\n`
      : `${service} ${version} in ${cluster}: ${method} ${path}\n`,
  );
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
