// Takes what Kubernetes tells of requests, over HTTPS: EventLists of the audit webhook backend or of a forwarder, JSON
// Lines of audit events, and admission reviews, which it always allows. Whoever is not known by token or client
// certificate is refused, for what is told here is shown as verified.
import { X509Certificate, hash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Server, createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { createGunzip } from 'node:zlib';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { listenOn } from '#libs/runtime/ports.ts';
import { reviewUid } from './parse-review.ts';

export interface ReceiverOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** Who sends it is known; undefined = nobody is by a token. */
  readonly token: string | undefined;
  /** PEM: who has a certificate of this authority is known; undefined = nobody is by a certificate. */
  readonly clientCa: string | undefined;
  readonly log: Logger;
  /** Takes audit events, of whatever form; throws where there is no room. */
  readonly onEvents: (events: readonly unknown[]) => void;
  readonly onReview: (review: unknown) => void;
  readonly onRefused: (from: string) => void;
  /** Takes a sentence about the certificate, or null once it is well. */
  readonly onProblem: (sentence: string | null) => void;
  /** How often to look whether there is a new certificate. */
  readonly reloadMs?: number;
}

export interface Receiver {
  readonly port: number;
  stop(): Promise<void>;
}

/** The API server's own bound for a batch is 10 MiB unless it is told otherwise. */
const bodyBytesMax = 64 * 1024 * 1024;
const reloadMsDefault = 10_000;
const endsSoonMs = 30 * 24 * 3_600_000;
const paths = { events: '/audit', review: '/admission' } as const;

/** Listens. Throws FleetgateError 'port-in-use', 'file' for a certificate that cannot be used. */
export async function startReceiver(options: ReceiverOptions): Promise<Receiver> {
  const { clientCa, log } = options;
  const server = createServer(
    {
      ...readPair(options),
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
      minVersion: 'TLSv1.2',
      requestTimeout: 30_000,
      headersTimeout: 10_000,
    },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        log.warn({ err: error }, 'a request with audit events was not taken');
        if (!response.headersSent) send(response, 503, 'not taken; try again\n');
        else response.destroy();
      });
    },
  );
  server.maxConnections = 200;
  const port = await listenOn(server, options);
  server.on('error', (error) => log.error({ err: error }, 'the receiver of audit events failed'));
  // Who speaks no TLS, or does not trust the certificate, is not counted: no request came.
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'a connection to the receiver failed'));
  const stopReloading = reloadRegularly(server, options);
  return {
    port,
    async stop() {
      stopReloading();
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: ReceiverOptions): Promise<void> {
  const [, place = '', secret] = /^(\/[^/?]*)(?:\/([^/?]*))?/.exec(request.url ?? '') ?? [];
  // The API server sends a webhook no token, so that it stands in the path, which only who may read the webhook's
  // configuration knows.
  if (!isKnown(request, place === paths.review ? secret : undefined, options)) {
    options.onRefused(request.socket.remoteAddress ?? 'an unknown address');
    request.resume();
    response.setHeader('www-authenticate', 'Bearer');
    return send(response, 401, 'who sends this is not known\n');
  }
  if (request.method !== 'POST') return send(response, 405, 'POST only\n');
  if (place === paths.review) return review(request, response, options);
  if (place !== paths.events) return send(response, 404, 'there are /audit and /admission\n');
  const events = readEvents(await readBody(request));
  if (events === undefined) return send(response, 400, 'this is neither an EventList nor JSON Lines\n');
  options.onEvents(events);
  return send(response, 200, '');
}

/** Allows whatever comes: nothing waits for what is done with it. */
async function review(request: IncomingMessage, response: ServerResponse, options: ReceiverOptions): Promise<void> {
  const json = parseJson(await readBody(request));
  const uid = reviewUid(json);
  if (uid === undefined) return send(response, 400, 'this is no AdmissionReview\n');
  const allowed = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid, allowed: true } };
  send(response, 200, JSON.stringify(allowed), 'application/json');
  options.onReview(json);
}

function isKnown(request: IncomingMessage, pathToken: string | undefined, options: ReceiverOptions): boolean {
  if (options.clientCa !== undefined && request.socket instanceof TLSSocket && request.socket.authorized) return true;
  if (options.token === undefined) return false;
  const [, bearer] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
  return [bearer, pathToken].some((given) => given !== undefined && isEqual(given, options.token ?? ''));
}

function isEqual(given: string, expected: string): boolean {
  return timingSafeEqual(hash('sha256', given, 'buffer'), hash('sha256', expected, 'buffer'));
}

/** Reads an EventList, one event, or events as JSON Lines; undefined where it is none of these. */
function readEvents(text: string): readonly unknown[] | undefined {
  const whole = parseJson(text);
  if (isRecord(whole)) {
    if (whole['kind'] === 'EventList') return Array.isArray(whole['items']) ? whole['items'] : undefined;
    return whole['kind'] === 'Event' ? [whole] : undefined;
  }
  if (Array.isArray(whole)) return whole;
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const events = lines.map(parseJson);
  return lines.length > 0 && events.every(isRecord) ? events : undefined;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const isZipped = request.headers['content-encoding'] === 'gzip';
  const body = isZipped ? request.pipe(createGunzip()) : request;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > bodyBytesMax) throw new RangeError(`a body has more than ${bodyBytesMax} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, status: number, body: string, type = 'text/plain'): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) }).end(body);
}

function readPair({ certificateFile, keyFile }: ReceiverOptions): { readonly cert: string; readonly key: string } {
  try {
    return { cert: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } catch (error) {
    throw fail('file', `${certificateFile}, ${keyFile} (${messageOf(error)})`, { cause: error });
  }
}

/** Takes a new certificate without a restart, and says when the one that is used ends. */
function reloadRegularly(server: Server, options: ReceiverOptions): () => void {
  const { certificateFile, onProblem } = options;
  let used = stampOf(certificateFile);
  const check = (): void => {
    try {
      const stamp = stampOf(certificateFile);
      if (stamp !== used) {
        server.setSecureContext(readPair(options));
        used = stamp;
      }
      onProblem(endsSoon(readPair(options).cert));
    } catch (error) {
      onProblem(`the certificate of the receiver of audit events cannot be read: ${messageOf(error)}`);
    }
  };
  check();
  const timer = setInterval(check, options.reloadMs ?? reloadMsDefault);
  return () => clearInterval(timer);
}

function endsSoon(certificate: string): string | null {
  const { validTo } = new X509Certificate(certificate);
  if (Date.parse(validTo) - Date.now() > endsSoonMs) return null;
  return `the certificate of the receiver of audit events ends at ${validTo}: \`fleetgate agent install\` renews it`;
}

function stampOf(file: string): string {
  const { mtimeMs, ino } = statSync(file);
  return `${ino} ${mtimeMs}`;
}
