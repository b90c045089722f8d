// Answers for tests whether a request may pass: over HTTP by its status, over gRPC by Envoy's ext_authz protocol. Both
// decide alike, by a function that the test gives.
import { createServer } from 'node:http';
import { Server, ServerCredentials, type handleUnaryCall } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { listenFor } from './listening.ts';
import type { Teardown } from './throwaway.ts';

/** What a service is told of a request. */
export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case; over gRPC with Envoy's pseudo headers. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** 200 consents; its headers are for the backend, those of another answer for the client. */
export interface Decision {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Only over gRPC: headers that the backend does not get. */
  readonly removed?: readonly string[];
}

export interface AuthService {
  readonly port: number;
  /** Everything that it was asked, in order. */
  readonly asked: readonly AskedRequest[];
}

type Decide = (request: AskedRequest) => Decision | Promise<Decision>;

/** Starts a service that is asked over HTTP. */
export async function startHttpAuth(test: Teardown, decide: Decide): Promise<AuthService> {
  const asked: AskedRequest[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString('latin1')));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const one = { method: request.method ?? '', path: request.url ?? '', headers, body };
      asked.push(one);
      void Promise.resolve(decide(one)).then((decision) => {
        response.writeHead(decision.status, decision.headers);
        response.end(decision.body);
      });
    });
  });
  return { port: await listenFor(test, server), asked };
}

/** Starts a service that is asked over gRPC. */
export async function startGrpcAuth(test: Teardown, decide: Decide): Promise<AuthService> {
  const asked: AskedRequest[] = [];
  const check: handleUnaryCall<AskedRequest, Decision> = ({ request }, answer) => {
    asked.push(request);
    void Promise.resolve(decide(request)).then((decision) => answer(null, decision));
  };
  const server = new Server();
  const method = {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: () => Buffer.alloc(0),
    requestDeserialize: decodeAsked,
    responseSerialize: encodeDecision,
    responseDeserialize: () => ({ status: 0 }),
  };
  server.addService({ check: method }, { check });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  test.teardown(() => server.forceShutdown());
  return { port, asked };
}

/** The part of Envoy's protocol that is used here (envoy/service/auth/v3). */
const { root } = protobuf.parse(
  `syntax = "proto3";
  message CheckRequest { AttributeContext attributes = 1; }
  message AttributeContext { Request request = 4; }
  message Request { HttpRequest http = 2; }
  message HttpRequest {
    string method = 2;
    map<string, string> headers = 3;
    string path = 4;
    string host = 5;
    string body = 11;
  }
  message CheckResponse { Status status = 1; Denied denied_response = 2; Ok ok_response = 3; }
  message Status { int32 code = 1; }
  message HttpStatus { int32 code = 1; }
  message Denied { HttpStatus status = 1; repeated Option headers = 2; string body = 3; }
  message Ok { repeated Option headers = 2; repeated string headers_to_remove = 5; }
  message Option { Header header = 1; }
  message Header { string key = 1; string value = 2; }`,
  { keepCase: true },
);

function decodeAsked(bytes: Buffer): AskedRequest {
  const type = root.lookupType('CheckRequest');
  const plain: unknown = type.toObject(type.decode(bytes), { defaults: true });
  const http = field(field(field(plain, 'attributes'), 'request'), 'http');
  const headers = Object.entries(field(http, 'headers')).map(([name, value]) => [name, String(value)]);
  return {
    method: String(http['method']),
    path: String(http['path']),
    headers: { ...Object.fromEntries(headers), host: String(http['host']) },
    body: String(http['body']),
  };
}

function field(value: unknown, name: string): Readonly<Record<string, unknown>> {
  const found = isRecord(value) ? value[name] : undefined;
  return isRecord(found) ? found : {};
}

function encodeDecision({ status, headers = {}, body = '', removed = [] }: Decision): Buffer {
  const options = Object.entries(headers).map(([key, value]) => ({ header: { key, value } }));
  const message =
    status === 200
      ? { status: { code: 0 }, ok_response: { headers: options, headers_to_remove: removed } }
      : { status: { code: 7 }, denied_response: { status: { code: status }, headers: options, body } };
  return Buffer.from(root.lookupType('CheckResponse').encode(message).finish());
}
