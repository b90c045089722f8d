// Starts a real Envoy with an incremental ADS server of its own, for tests of what is compiled for it. This is far from
// what a node does: each push goes type by type and waits for Envoy's answer.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { eventually } from '#libs/testing/eventually.ts';
import { resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import { bootstrap } from '#libs/xds/envoy/bootstrap.ts';
import {
  decodeDeltaRequest,
  deltaMethod,
  type DeltaRequest,
  encodeDeltaResponse,
  encodeResource,
} from '#libs/xds/encode/encode.ts';
import {
  typeUrlOf,
  type XdsChange,
  type XdsResource,
  type XdsType,
  xdsTypeOf,
  xdsTypes,
} from '#libs/xds/envoy/resources.ts';
import type { Teardown } from './throwaway.ts';

export interface ThrowawayEnvoy {
  /** Pushes a change; resolves when Envoy has taken all of it and waits for nothing. Returns what it refused. */
  push(change: XdsChange): Promise<readonly string[]>;
  /** What its admin interface answers. */
  admin(path: string): Promise<string>;
  readonly pid: number;
  /** What it wrote to its log. */
  log(): Promise<string>;
}

/** Starts Envoy; it is gone with the test. */
export async function throwawayEnvoy(test: Teardown): Promise<ThrowawayEnvoy> {
  const folder = await mkdtemp(join(tmpdir(), 'fg-envoy-'));
  const paths = { ads: join(folder, 'ads'), admin: join(folder, 'admin'), log: join(folder, 'log') };
  const ads = new TestAds();
  await ads.listen(paths.ads);
  const config = join(folder, 'bootstrap.json');
  const json = bootstrap({ nodeId: 'test', adsSocketPath: paths.ads, adminSocketPath: paths.admin });
  await writeFile(config, JSON.stringify(json));
  const args = ['-c', config, '--disable-hot-restart', '--concurrency', '1', '--log-path', paths.log];
  const child = spawn(await resolveBinary('envoy'), [...args, '--log-level', 'warning'], { stdio: 'ignore' });
  test.teardown(async () => {
    ads.close();
    await stop(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  const admin = (path: string): Promise<string> => get(paths.admin, path);
  const says = (path: string, isSo: (text: string) => boolean): Promise<boolean> =>
    eventually(async () => isSo(await admin(path)), { everyMs: 5, timeoutMs: 60_000 });
  const log = (): Promise<string> => readFile(paths.log, 'utf8').catch(() => '');
  await ads.connected;
  return {
    push: async (change) => {
      await ads.push(change);
      await says('/ready', (text) => text.includes('LIVE'));
      await says('/config_dump?resource=dynamic_listeners', (text) => !text.includes('warming_state'));
      await says('/stats?filter=warming_clusters', (text) => !/warming_clusters: [1-9]/.test(text));
      return ads.takeRefused();
    },
    admin,
    pid: child.pid ?? 0,
    log,
  };
}

/** Asks Envoy whether it takes a bootstrap; '' when it does, else what it says. */
export async function validateBootstrap(config: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fg-envoy-'));
  try {
    const file = join(folder, 'bootstrap.json');
    await writeFile(file, JSON.stringify(config));
    const binary = await resolveBinary('envoy');
    const child = spawn(binary, ['--mode', 'validate', '-c', file, '--disable-hot-restart', '--log-level', 'warning'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    await once(child, 'close');
    return child.exitCode === 0 ? '' : output;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Call = ServerDuplexStream<DeltaRequest, Uint8Array>;

/** One stream, one response on its way at a time. */
class TestAds {
  readonly #server = new Server();
  readonly #tables = new Map<XdsType, Map<string, XdsResource>>(xdsTypes.map(({ type }) => [type, new Map()]));
  readonly #subscribed = new Map<XdsType, Set<string>>();
  #call: Call | undefined;
  #version = 0;
  #awaited: { readonly nonce: string; readonly answered: () => void } | undefined;
  #refused: string[] = [];
  #connect: () => void = () => undefined;
  readonly connected = new Promise<void>((resolve) => {
    this.#connect = resolve;
  });

  async listen(path: string): Promise<void> {
    const delta = {
      path: deltaMethod,
      requestStream: true,
      responseStream: true,
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: decodeDeltaRequest,
      responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes),
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    this.#server.addService({ delta }, { delta: (call: Call) => this.#accept(call) });
    await new Promise<void>((resolve, reject) => {
      this.#server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  }

  close(): void {
    this.#server.forceShutdown();
  }

  takeRefused(): readonly string[] {
    const refused = this.#refused;
    this.#refused = [];
    return refused;
  }

  async push({ upserts, removes }: XdsChange): Promise<void> {
    for (const resource of upserts) this.#table(resource.type).set(resource.name, resource);
    for (const { type, name } of removes) this.#table(type).delete(name);
    for (const { type } of xdsTypes) {
      const resources = upserts.filter((resource) => resource.type === type);
      if (resources.length > 0) await this.#send(type, resources, []);
    }
    for (const { type } of xdsTypes.toReversed()) {
      const names = removes.filter((removed) => removed.type === type).map(({ name }) => name);
      if (names.length > 0) await this.#send(type, [], names);
    }
  }

  #accept(call: Call): void {
    this.#call = call;
    this.#subscribed.clear();
    call.on('data', (request: DeltaRequest) => this.#receive(request));
    call.on('error', () => undefined);
    this.#connect();
  }

  #receive(request: DeltaRequest): void {
    const type = xdsTypeOf(request.typeUrl);
    if (type === undefined) return;
    if (request.error !== undefined) this.#refused.push(request.error);
    if (request.nonce === this.#awaited?.nonce) this.#awaited.answered();
    const first = !this.#subscribed.has(type);
    const names = this.#subscribed.get(type) ?? new Set();
    this.#subscribed.set(type, names);
    for (const name of request.subscribe) names.add(name);
    for (const name of request.unsubscribe) names.delete(name);
    const table = this.#table(type);
    if (first && isWildcard(type)) this.#write(type, [...table.values()], []);
    else if (request.subscribe.length > 0)
      this.#write(
        type,
        request.subscribe.flatMap((name) => table.get(name) ?? []),
        request.subscribe.filter((name) => !table.has(name)),
      );
  }

  /** Sends what Envoy asked for and waits for its answer; the rest it gets when it asks. */
  async #send(type: XdsType, resources: readonly XdsResource[], removed: readonly string[]): Promise<void> {
    const names = this.#subscribed.get(type);
    if (names === undefined) return;
    const wanted = resources.filter(({ name }) => isWildcard(type) || names.has(name));
    const gone = removed.filter((name) => isWildcard(type) || names.has(name));
    if (wanted.length + gone.length === 0) return;
    await new Promise<void>((answered) => {
      this.#awaited = { nonce: this.#write(type, wanted, gone), answered };
    });
  }

  #write(type: XdsType, resources: readonly XdsResource[], removed: readonly string[]): string {
    const nonce = String(++this.#version);
    this.#call?.write(
      encodeDeltaResponse({
        typeUrl: typeUrlOf(type),
        resources: resources.map((one) => ({ name: one.name, version: nonce, body: encodeResource(one) })),
        removed,
        nonce,
      }),
    );
    return nonce;
  }

  #table(type: XdsType): Map<string, XdsResource> {
    const table = this.#tables.get(type);
    if (table === undefined) throw new Error(`no table of ${type}`);
    return table;
  }
}

function isWildcard(type: XdsType): boolean {
  return type === 'cluster' || type === 'listener' || type === 'scope';
}

function get(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, path }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => (text += data.toString()));
      response.on('end', () => resolve(text));
    });
    call.on('error', reject);
    call.end();
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
