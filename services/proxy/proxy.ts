// Puts one node together and runs it: its folder, its Envoy, the connection to control, and the health server.
//
//   hub ⇄ HubConnection ⇄ Node ─▶ DataPlane ─▶ AdsServer ⇄ Envoy
//                          └─▶ LastGood (disk)
import { getCACertificates } from 'node:tls';
import packageJson from '../../package.json' with { type: 'json' };
import { resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import { fail } from '#libs/runtime/errors.ts';
import { type HealthServer, type Readiness, startHealthServer } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import { type Logger, atLevel } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import { type NodeContent, type NodeIdentity, NodeSession } from '#libs/protocol/node-session.ts';
import { mayServe } from '#libs/snapshot/gateway-glob.ts';
import { bootstrap } from '#libs/xds/envoy/bootstrap.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';
import { AdsServer } from './ads/ads-server.ts';
import type { ProxyOptions } from './options.ts';
import { type Compiler, DataPlane } from './data-plane.ts';
import { type EnvoyLogTail, followEnvoyLog } from './envoy/envoy-log.ts';
import { type Envoy, startEnvoy } from './envoy/envoy-process.ts';
import { HubConnection, type HubTiming } from './hub-connection.ts';
import { LastGood } from './last-good/last-good.ts';
import { type NodeFolder, openNodeFolder } from './node-folder.ts';
import { discoveryOpener, type OpenDiscovery, openAll, readNodeKeys } from './node-keys.ts';
import { Node } from './node.ts';
import { type ProxyMetrics, proxyMetrics } from './proxy-metrics.ts';

/** What a test puts in place of the usual. */
export interface ProxyParts {
  readonly createCompiler?: () => Compiler;
  readonly hubTiming?: Partial<HubTiming>;
}

export interface RunningProxy extends RunningService {
  readonly healthPort: number;
}

/** How long a node waits for its saved snapshots to serve, so that what it says to control holds. */
const restoreFirstMs = 2000;

/**
 * Starts the node: it serves what is on disk, and connects to control. Throws FleetgateError 'config', 'file',
 * 'sealed-key', 'binary-missing', 'data-in-use', 'port-in-use' or 'envoy-start'.
 */
export async function startProxy(
  options: ProxyOptions,
  parentLog: Logger,
  signal: AbortSignal,
  parts: ProxyParts = {},
): Promise<RunningProxy> {
  const log = atLevel(parentLog, options.logLevel);
  if (options.token === undefined && options.tokenFile === undefined)
    throw fail('config', '--token or --token-file (FLEETGATE_TOKEN, FLEETGATE_TOKEN_FILE) is required');
  const keys = options.nodeKeyFile === undefined ? [] : await readNodeKeys(options.nodeKeyFile, log);
  const binary = await resolveBinary('envoy', { onProgress: (line) => log.info(line) });
  const folder = await openNodeFolder(options.data);
  try {
    const { lastGood, content } = await LastGood.open({ folder: folder.lastGood, log });
    // Labels are known to control only, which takes away what is not for this node any more.
    const saved = { gateways: content.gateways.filter(({ gateway }) => mayServe(options.serves, gateway)) };
    const proxy = new ProxyService(options, log, parts, {
      binary,
      folder,
      lastGood,
      saved: { ...content, ...saved },
      open: discoveryOpener(keys, log),
    });
    await proxy.start(signal);
    return proxy;
  } catch (error) {
    await folder.release();
    throw error;
  }
}

interface Prepared {
  readonly binary: string;
  readonly folder: NodeFolder;
  readonly lastGood: LastGood;
  readonly saved: NodeContent;
  readonly open: OpenDiscovery;
}

class ProxyService implements RunningProxy {
  readonly #options: ProxyOptions;
  readonly #log: Logger;
  readonly #prepared: Prepared;
  readonly #session: NodeSession;
  readonly #metrics: ProxyMetrics;
  readonly #ads: AdsServer;
  readonly #plane: DataPlane;
  readonly #node: Node;
  readonly #hub: HubConnection;
  #envoy: Envoy | null = null;
  #envoyLog: EnvoyLogTail | null = null;
  #health: HealthServer | null = null;
  #state: 'restoring' | 'serving' | 'stopping' = 'restoring';

  constructor(options: ProxyOptions, log: Logger, parts: ProxyParts, prepared: Prepared) {
    this.#options = options;
    this.#log = log;
    this.#prepared = prepared;
    const session = new NodeSession(identityOf(options), prepared.saved);
    this.#session = session;
    this.#metrics = proxyMetrics(options.node, {
      held: () => session.held(),
      envoyLive: () => this.#envoyState() === 'live',
      hubConnected: () => this.#hub.connected,
      problems: () => this.#plane.problems().length,
      faults: () => this.#plane.faults.length,
    });
    this.#ads = new AdsServer(this.#adsEvents(), log);
    const xds = {
      bindAddress: options.bind,
      portOffset: options.portOffset,
      systemAuthorities: systemAuthorities(),
    };
    this.#plane = new DataPlane({
      createCompiler: parts.createCompiler ?? (() => new XdsCompiler(xds)),
      ads: this.#ads,
      warmingListeners: async () => (await this.#envoy?.admin.warmingListeners()) ?? [],
      envoyExits: () => this.#envoy?.exits ?? 0,
      deadlineMs: options.activationDeadline,
      log,
    });
    this.#node = new Node({
      session,
      plane: this.#plane,
      lastGood: prepared.lastGood,
      open: prepared.open,
      metrics: this.#metrics,
      log,
      send: (message) => this.#hub.send(message),
      onBacklog: (state) => (state === 'full' ? this.#hub.hold() : this.#hub.resume()),
      envoyState: () => this.#envoyState(),
    });
    this.#hub = this.#connection(parts);
  }

  get healthPort(): number {
    return this.#health?.port ?? 0;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { folder, saved, open, binary, lastGood } = this.#prepared;
    const { healthHost, healthPort, envoyConcurrency, drain, node } = this.#options;
    this.#health = await startHealthServer({
      host: healthHost,
      port: healthPort,
      ready: () => this.#readiness(),
      registry: this.#metrics.registry,
      log: this.#log,
    });
    const discovery = [...saved.discovery].map(([key, { item }]) => ({ key, item }));
    const restored = this.#plane.restore(saved.gateways, { upserts: await openAll(discovery, open), removes: [] });
    void restored.then(() => {
      if (this.#state === 'restoring') this.#state = 'serving';
    });
    // Only now: an Envoy that runs already connects at once, and is told to remove whatever the tables do not hold.
    await this.#ads.listen(folder.adsSocket);
    this.#envoyLog = await followEnvoyLog(folder.envoyLog, this.#log);
    this.#envoy = await startEnvoy({
      binary,
      bootstrap: bootstrap({ nodeId: node, adsSocketPath: folder.adsSocket, adminSocketPath: folder.adminSocket }),
      concurrency: envoyConcurrency,
      drainMs: drain,
      folder,
      log: this.#log,
      onChange: (state) => this.#envoyChanged(state),
    });
    // A new generation: what is not served any more is left behind, and the one before stays as it was found.
    void lastGood.compact(this.#session.content());
    if (saved.gateways.length > 0) await Promise.race([restored, pause(restoreFirstMs, signal)]);
    this.#hub.start();
  }

  async stop(): Promise<void> {
    this.#state = 'stopping';
    this.#node.beginStop();
    if (this.#options.leaveEnvoy) this.#envoy?.leave();
    else {
      // As long as Envoy answers, this node counts.
      await this.#envoy?.stop();
      this.#node.goodbye();
    }
    this.#node.stop();
    await this.#hub.stop();
    this.#ads.close();
    await this.#envoyLog?.stop();
    await this.#prepared.lastGood.close();
    await this.#health?.stop();
    await this.#prepared.folder.release();
  }

  #connection(parts: ProxyParts): HubConnection {
    const { controlUrl, token, tokenFile } = this.#options;
    return new HubConnection({
      urls: controlUrl,
      token: token ?? '',
      tokenFile,
      log: this.#log,
      onOpen: () => this.#node.hello(),
      onMessage: (message) => this.#node.take(message),
      onClose: () => {
        this.#node.left();
        this.#metrics.hubLost();
      },
      onBytes: (bytes) => this.#metrics.received(bytes),
      timing: parts.hubTiming ?? {},
    });
  }

  #adsEvents(): ConstructorParameters<typeof AdsServer>[0] {
    return {
      connected: () => {
        this.#log.info('Envoy is connected');
        this.#plane.connected();
      },
      disconnected: () => {
        this.#log.info('Envoy is not connected any more');
        this.#plane.disconnected();
      },
      progress: () => this.#plane.progress(),
      refused: (type, names, reason) => {
        this.#metrics.refused(type);
        return this.#plane.refused(type, names, reason);
      },
      sent: (type, resources, bytes) => this.#metrics.pushed(type, resources, bytes),
    };
  }

  #envoyChanged(state: 'live' | 'down'): void {
    if (state === 'live') this.#log.info('Envoy is live');
    else {
      this.#log.warn('Envoy ended');
      this.#metrics.envoyEnded();
    }
    this.#node.ping();
  }

  #envoyState(): 'live' | 'down' {
    return this.#envoy?.state ?? 'down';
  }

  #readiness(): Readiness {
    const reasons: string[] = [...this.#plane.faults];
    if (this.#state === 'stopping') reasons.push('the node stops');
    if (this.#envoyState() !== 'live') reasons.push('Envoy is not live');
    if (this.#session.held().length === 0 && !this.#node.hasNothingToServe) reasons.push('no snapshot is served');
    else if (this.#state === 'restoring') reasons.push('Envoy does not serve the saved snapshots yet');
    return { ok: reasons.length === 0, reasons };
  }
}

function identityOf({ node, label, serves, address }: ProxyOptions): NodeIdentity {
  return { node, version: packageJson.version, labels: label, serves, addresses: address };
}

/**
 * Gives, as PEM, the authorities that the system trusts; where it names none, as in a small image, those of Node.js.
 */
function systemAuthorities(): string {
  const system = getCACertificates('system');
  return [...new Set(system.length > 0 ? system : getCACertificates('bundled'))].join('\n');
}
