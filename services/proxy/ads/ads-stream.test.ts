// Tests the order on one ADS stream, by data: the tables change at once, what is sent goes step by step.
import t from 'tap';
import { protoType } from '#libs/xds/encode/proto-types.ts';
import { typeUrlOf, type XdsResource, type XdsType, xdsTypeOf } from '#libs/xds/envoy/resources.ts';
import { AdsStream } from './ads-stream.ts';
import { AdsTables } from './ads-tables.ts';

interface Sent {
  readonly type: XdsType;
  readonly nonce: string;
  /** `+name` or `-name`. */
  readonly names: readonly string[];
}

/** An Envoy that answers when it is told to. */
class Peer {
  readonly tables = new AdsTables();
  readonly stream: AdsStream;
  readonly refused: string[] = [];
  readonly #sent: Sent[] = [];
  readonly #open = new Map<XdsType, Sent>();
  writable = true;
  whenRefused: 'go on' | 'wait' = 'go on';

  constructor() {
    const events = {
      progress: () => undefined,
      refused: (type: XdsType, names: readonly string[], reason: string) => {
        this.refused.push(`${type} ${names.join()}: ${reason}`);
        return this.whenRefused;
      },
      sent: () => undefined,
    };
    this.stream = new AdsStream(this.tables, events, (bytes) => {
      const sent = decode(bytes);
      this.#sent.push(sent);
      this.#open.set(sent.type, sent);
      return this.writable;
    });
  }

  /** What was sent since the last call. */
  sent(): readonly string[] {
    return this.#sent.splice(0).map(({ type, names }) => `${type} ${names.join(' ')}`.trim());
  }

  ask(type: XdsType, subscribe: readonly string[] = [], initialVersions: Readonly<Record<string, string>> = {}): void {
    this.#say(type, { subscribe, initialVersions });
  }

  leave(type: XdsType, unsubscribe: readonly string[]): void {
    this.#say(type, { unsubscribe });
  }

  take(...types: readonly XdsType[]): void {
    for (const type of types) this.#say(type, { nonce: this.#open.get(type)?.nonce ?? '' });
  }

  refuse(type: XdsType): void {
    this.#say(type, { nonce: this.#open.get(type)?.nonce ?? '', error: 'no' });
  }

  set(...resources: readonly XdsResource[]): void {
    this.put(...resources);
    this.stream.flush();
  }

  /** As `set`, and nothing is sent yet. */
  put(...resources: readonly XdsResource[]): void {
    for (const { type, name } of this.tables.set(resources)) this.stream.changed(type, name);
  }

  remove(...names: readonly (readonly [XdsType, string])[]): void {
    for (const [type, name] of names) if (this.tables.remove(type, name)) this.stream.changed(type, name);
    this.stream.flush();
  }

  /** An Envoy that has everything and to which nothing is on its way. */
  settle(): void {
    this.ask('cluster');
    this.take('cluster');
    const endpoints = [...this.tables.table('endpoints').keys()];
    if (endpoints.length > 0) this.ask('endpoints', endpoints);
    this.take('endpoints');
    this.ask('listener');
    this.take('listener');
    this.ask('scope');
    this.take('scope');
    this.sent();
  }

  #say(type: XdsType, fields: Partial<Parameters<AdsStream['receive']>[0]>): void {
    this.stream.receive({
      nodeId: undefined,
      typeUrl: typeUrlOf(type),
      subscribe: [],
      unsubscribe: [],
      initialVersions: {},
      nonce: '',
      error: undefined,
      ...fields,
    });
  }
}

void t.test('a new Envoy: each type when it asks, scopes once it has a listener, an answer also to nothing', (t) => {
  const peer = new Peer();
  peer.set(cluster('c'), endpoints('c', 1), listener('l', 1), scope('s', 1));
  t.same(peer.sent(), []);
  peer.ask('cluster');
  t.same(peer.sent(), ['cluster +c']);
  peer.take('cluster');
  peer.ask('listener');
  t.same(peer.sent(), [], 'the cluster waits for its endpoints');
  peer.ask('endpoints', ['c', 'unknown']);
  t.same(peer.sent(), ['endpoints +c +unknown'], 'who is unknown is answered too');
  t.equal(peer.stream.isInForce('cluster', ['c']), false);
  peer.take('endpoints');
  t.equal(peer.stream.isInForce('cluster', ['c']), true);
  t.same(peer.sent(), ['listener +l']);
  peer.take('listener');
  t.equal(peer.stream.isInForce('scope', ['s']), false);
  peer.ask('scope');
  t.same(peer.sent(), ['scope +s']);
  peer.take('scope');
  t.equal(peer.stream.isInForce('scope', ['s']), true);

  const empty = new Peer();
  empty.ask('cluster');
  empty.take('cluster');
  empty.ask('listener');
  t.same(empty.sent(), ['cluster', 'listener']);
  t.equal(empty.stream.isInForce('scope', []), true, 'without a listener no scope is missing');
  t.end();
});

void t.test('one scope is one message, also one that replaces another', (t) => {
  const peer = served();
  peer.set(scope('s', 2));
  t.same(peer.sent(), ['scope +s']);
  peer.take('scope');
  t.same(peer.sent(), []);
  peer.set(scope('t', 1));
  peer.remove(['scope', 's']);
  t.same(peer.sent(), ['scope +t']);
  peer.take('scope');
  t.same(peer.sent(), ['scope -s']);
  t.end();
});

void t.test('make before break: a new backend is warm before the scope, the old one goes after it', (t) => {
  const peer = served();
  peer.put(cluster('d'), endpoints('d', 1), scope('s', 2));
  peer.remove(['cluster', 'c'], ['endpoints', 'c']);
  t.same(peer.sent(), ['cluster +d']);
  peer.take('cluster');
  t.same(peer.sent(), []);
  peer.ask('endpoints', ['d']);
  t.same(peer.sent(), ['endpoints +d']);
  peer.take('endpoints');
  t.same(peer.sent(), ['scope +s']);
  peer.take('scope');
  t.same(peer.sent(), ['cluster -c']);
  peer.leave('endpoints', ['c']);
  peer.take('cluster');
  t.same(peer.sent(), [], 'of endpoints that are no longer named there is nothing to say');
  t.end();
});

void t.test('a listener changes after its scopes, and leaves before they do', (t) => {
  const peer = served();
  peer.put(scope('u', 1), listener('m', 1));
  peer.remove(['listener', 'l'], ['scope', 's']);
  t.same(peer.sent(), ['scope +u']);
  peer.take('scope');
  t.same(peer.sent(), ['listener +m']);
  peer.take('listener');
  t.same(peer.sent(), ['listener -l', 'scope -s']);
  peer.take('listener', 'scope');
  t.equal(peer.stream.isInForce('listener', ['l', 'm']), true);
  t.equal(peer.stream.isInForce('scope', ['s', 'u']), true);
  t.end();
});

void t.test('a listener that only closes connections asks for no scopes, and holds nothing up', (t) => {
  const peer = new Peer();
  peer.set(cluster('c'), endpoints('c', 1), listener('l', 1, true), scope('s', 1));
  peer.ask('cluster');
  peer.take('cluster');
  peer.ask('endpoints', ['c']);
  peer.take('endpoints');
  peer.ask('listener');
  peer.take('listener');
  peer.sent();
  t.equal(peer.stream.isInForce('scope', ['s']), true);
  peer.set(listener('l', 2));
  t.same(peer.sent(), ['listener +l']);
  peer.take('listener');
  t.equal(peer.stream.isInForce('scope', ['s']), false);
  peer.ask('scope');
  t.same(peer.sent(), ['scope +s']);
  t.end();
});

void t.test('a cluster that is replaced waits for its endpoints again', (t) => {
  const peer = served();
  peer.set(cluster('c', 2), scope('s', 2));
  t.same(peer.sent(), ['cluster +c']);
  peer.take('cluster');
  t.same(peer.sent(), ['endpoints +c'], 'sent again although Envoy has them');
  peer.take('endpoints');
  t.same(peer.sent(), ['scope +s']);
  t.end();
});

void t.test('a cluster that needs secrets is warm when Envoy has them', (t) => {
  const peer = new Peer();
  peer.set(listener('l', 1), scope('s', 1));
  peer.settle();
  peer.set(secureCluster('c', 'ca'), endpoints('c', 1), secret('ca'), scope('s', 2));
  t.same(peer.sent(), ['cluster +c']);
  peer.take('cluster');
  peer.ask('endpoints', ['c']);
  peer.take('endpoints');
  t.same(peer.sent(), ['endpoints +c']);
  peer.ask('secret', ['ca']);
  t.same(peer.sent(), ['secret +ca']);
  peer.take('secret');
  t.same(peer.sent(), ['scope +s']);
  peer.take('scope');
  peer.set(secureCluster('d', 'ca'), endpoints('d', 1), scope('s', 3));
  peer.take('cluster');
  peer.ask('endpoints', ['d']);
  peer.take('endpoints');
  t.same(peer.sent(), ['cluster +d', 'endpoints +d', 'scope +s'], 'Envoy has it and does not ask again');
  t.end();
});

void t.test('endpoints go at any time', (t) => {
  const peer = served();
  peer.set(cluster('d'), scope('s', 2));
  peer.sent();
  peer.set(endpoints('c', 2));
  t.same(peer.sent(), ['endpoints +c']);
  peer.set(endpoints('c', 3));
  peer.set(endpoints('c', 4));
  t.same(peer.sent(), [], 'one is on its way');
  peer.take('endpoints');
  t.same(peer.sent(), ['endpoints +c'], 'then only the newest');
  t.end();
});

void t.test('what is refused holds back what depends on it, until it is taken back or given up', (t) => {
  const peer = served();
  peer.set(cluster('bad'), scope('s', 2));
  peer.refuse('cluster');
  t.same(peer.refused, ['cluster bad: no']);
  t.same(peer.sent(), ['cluster +bad']);
  peer.set(scope('s', 1));
  peer.remove(['cluster', 'bad']);
  t.same(peer.sent(), ['cluster -bad'], 'nothing was to be done for the scope');
  peer.take('cluster');

  peer.set(cluster('bad', 2), scope('s', 3));
  peer.refuse('cluster');
  peer.sent();
  peer.stream.giveUp();
  t.same(peer.sent(), ['scope +s']);
  t.end();
});

void t.test('refused together: the good one goes on, or waits for who takes both back', (t) => {
  const peer = served();
  peer.set(scope('good', 1), scope('bad', 1));
  peer.sent();
  peer.refuse('scope');
  t.same(peer.sent(), ['scope +good']);
  peer.take('scope');
  t.same(peer.sent(), ['scope +bad']);
  peer.refuse('scope');

  const taking = served();
  taking.whenRefused = 'wait';
  taking.set(scope('s', 2), scope('bad', 1));
  taking.sent();
  taking.refuse('scope');
  t.same(taking.sent(), []);
  taking.put(scope('s', 1));
  taking.remove(['scope', 'bad']);
  t.same(taking.sent(), ['scope +s -bad']);
  t.end();
});

void t.test('refused when it is no longer wanted: nobody is told to go back for it', (t) => {
  const peer = served();
  peer.set(scope('bad', 1), scope('s', 2));
  peer.remove(['scope', 'bad']);
  peer.sent();
  peer.refuse('scope');
  t.same(peer.refused, ['scope s: no']);
  t.end();
});

void t.test('a full socket: nothing until it drained, then the newest', (t) => {
  const peer = served();
  peer.writable = false;
  peer.set(scope('s', 2));
  peer.take('scope');
  peer.sent();
  peer.set(scope('s', 3));
  peer.set(scope('s', 4), scope('t', 1));
  t.same(peer.sent(), []);
  peer.writable = true;
  peer.stream.drained();
  t.same(peer.sent(), ['scope +s +t']);
  t.end();
});

/** An Envoy that serves one scope by one cluster. */
function served(): Peer {
  const peer = new Peer();
  peer.set(cluster('c'), endpoints('c', 1), listener('l', 1), scope('s', 1));
  peer.settle();
  return peer;
}

function cluster(name: string, version = 1): XdsResource {
  const message = { name, type: 'EDS', eds_cluster_config: {}, connect_timeout: `${version}s` };
  return { type: 'cluster', name, message };
}

function secureCluster(name: string, authority: string): XdsResource {
  const { message } = cluster(name);
  const context = {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    common_tls_context: { validation_context_sds_secret_config: { name: authority, sds_config: { ads: {} } } },
  };
  return { type: 'cluster', name, message: { ...message, transport_socket: { name: 'tls', typed_config: context } } };
}

function secret(name: string): XdsResource {
  return { type: 'secret', name, message: { name, validation_context: {} } };
}

function endpoints(name: string, priority: number): XdsResource {
  return { type: 'endpoints', name, message: { cluster_name: name, endpoints: [{ priority }] } };
}

function listener(name: string, version: number, closing = false): XdsResource {
  const hcm = 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  const http = { '@type': hcm, scoped_routes: { name: 's' } };
  const filter = closing ? { name: 'closing' } : { name: 'http', typed_config: http };
  const filter_chains = [{ filters: [filter] }];
  return { type: 'listener', name, message: { name, stat_prefix: String(version), filter_chains } };
}

function scope(name: string, version: number): XdsResource {
  return { type: 'scope', name, message: { name, route_configuration_name: String(version) } };
}

function decode(bytes: Uint8Array): Sent {
  const type = protoType('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  const { type_url, nonce, resources, removed_resources } = type.toObject(type.decode(bytes), { arrays: true });
  const added: readonly { readonly name: string }[] = resources;
  const removed: readonly string[] = removed_resources;
  return {
    type: xdsTypeOf(type_url) ?? 'cluster',
    nonce,
    names: [...added.map(({ name }) => `+${name}`), ...removed.map((name) => `-${name}`)],
  };
}
