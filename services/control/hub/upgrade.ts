// Lets nodes into the hub: by one path, with a token of the role node, by WebSocket. Everything else is answered and
// closed.
import { type IncomingMessage, STATUS_CODES, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Logger } from '#libs/runtime/log.ts';
import type { Access } from '../access/access.ts';
import { Problem } from '#libs/api/problem.ts';
import type { Hub } from './hub.ts';

const nodePath = '/v1/node';

/** Takes the upgrades of a server, and answers those that are no node's. */
export function acceptNodes(
  server: Server,
  { access, hub, log }: { readonly access: Access; readonly hub: Hub; readonly log: Logger },
): void {
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', (error) => log.debug({ err: error }, 'an upgrade failed'));
    if (request.url?.split('?')[0] !== nodePath) {
      refuse(socket, new Problem('not-found', 'there is no such WebSocket', `Nodes connect to ${nodePath}.`), null);
      return;
    }
    access.admit(request, 'node').then(
      (admitted) => {
        if (socket.destroyed) return;
        if ('caller' in admitted) hub.accept(request, socket, head, admitted.caller);
        else refuse(socket, admitted.problem, admitted.retryAfter);
      },
      (error: unknown) => {
        log.warn({ err: error }, 'a token could not be checked');
        refuse(socket, new Problem('postgres-unreachable', 'the token could not be checked'), 1);
      },
    );
  });
}

function refuse(socket: Duplex, problem: Problem, retryAfter: number | null): void {
  const body = JSON.stringify(problem.body);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfter === null ? [] : [`Retry-After: ${retryAfter}`]),
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
