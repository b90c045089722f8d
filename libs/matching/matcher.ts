// The matcher knows the gateways that one node serves, and says which rule takes a request and what it does with it. It
// says what the Gateway API says, from the entries; how Envoy is brought to do the same is libs/xds' concern, and the
// differential test holds one against the other.
//
//   port ─▶ TLS: listener hostname by server name ─▶ listener hostname by Host
//        ─▶ hostnames of rules, narrow to wide ─▶ best match
import type { BackendEntry, Entry } from '#libs/snapshot/entry.ts';
import { coveringHostnames } from '#libs/snapshot/port-arrangement.ts';
import { originalHostname } from '#libs/snapshot/precedence.ts';
import { shakeHands } from './handshake.ts';
import { outcomeOf } from './outcome.ts';
import type { RequestProblem } from './header-lines.ts';
import {
  compilePorts,
  fillPlace,
  type ListenerOf,
  ownerOf,
  type Place,
  type PortTable,
  type StreamRuleOf,
} from './port-table.ts';
import { type Predicate, preflightOf } from './predicate.ts';
import { type HttpRequest, type ReadRequest, readRequest } from './request.ts';
import { type Candidate, compileRule, type RuleOf } from './rule-table.ts';
import { type Consents, consentsOf, type FindBackend } from './target.ts';
import { matchStream, type StreamConnection } from './stream.ts';
import type { RuleVerdict, Verdict } from './verdict.ts';

/** One gateway's entries by key. */
export interface MatcherGateway {
  /** `cluster/namespace/name`. */
  readonly gateway: string;
  readonly entries: Iterable<readonly [key: string, entry: Entry]>;
}

interface MatcherOptions {
  /** Added to listener ports by the node; redirects say the sum. */
  readonly portOffset?: number;
}

/** What explanations are made from. */
interface Tables {
  readonly tcp: ReadonlyMap<number, PortTable>;
  readonly udp: ReadonlyMap<number, PortTable>;
  readonly listeners: readonly ListenerOf[];
  readonly rules: readonly { readonly rule: RuleOf; readonly predicates: readonly Predicate[] }[];
  readonly streams: readonly StreamRuleOf[];
  /** By gateway and entry key. */
  readonly backends: ReadonlyMap<string, BackendEntry>;
}

export interface Matcher {
  readonly tables: Tables;
  /** What becomes of an HTTP request. */
  match(request: HttpRequest): Verdict;
  /** What becomes of a connection that is no HTTP: TCP, UDP, TLS that passes through. */
  connect(connection: StreamConnection): Verdict;
}

/** Where a request gets before rules are asked. */
type Arrival = { readonly place: Place; readonly request: ReadRequest } | { readonly verdict: Verdict };

/** Compiles the entries of gateways. */
export function compileMatcher(gateways: Iterable<MatcherGateway>, options: MatcherOptions = {}): Matcher {
  const portOffset = options.portOffset ?? 0;
  const tables = compileTables(gateways);
  return {
    tables,
    match(sent) {
      const arrival = arrive(tables, sent);
      if ('verdict' in arrival) return arrival.verdict;
      const { place, request } = arrival;
      const asked = askedBefore(place, tables);
      if ('problem' in asked) return { type: 'unrouted', status: 500, reason: asked.problem, ...listenerIn(place) };
      const { consents } = asked;
      const found = findRule(place, request);
      if (found === undefined) {
        const wanted = consents.length === 0 ? {} : { consents };
        return { type: 'unrouted', status: 404, reason: 'no rule matches', ...wanted, ...listenerIn(place) };
      }
      const { candidate, hostname } = found;
      const { rule, match, predicate } = candidate;
      const context = {
        match: predicate.match,
        isPreflight: predicate.asked !== undefined,
        port: sent.port,
        portOffset,
        hostname,
        findBackend: (key: string) => tables.backends.get(`${rule.gateway} ${key}`),
        consents,
      };
      const listener = place.listeners[candidate.age] ?? place.listeners[0];
      if (listener === undefined) return { type: 'refused', reason: 'nothing listens' };
      const verdict: RuleVerdict = {
        type: 'rule',
        listener,
        hostname,
        rule,
        match,
        outcome: outcomeOf(rule.entry, request, context),
      };
      return verdict;
    },
    connect: (connection) => matchStream(tables, connection),
  };
}

/** Takes a request as far as its listener hostname. */
export function arrive(tables: Tables, sent: HttpRequest): Arrival {
  const port = tables.tcp.get(sent.port);
  if (port === undefined) return refused(`nothing listens on port ${sent.port}`);
  const chain = port.family === 'tls' ? shakeHands(port, sent.tls) : undefined;
  if (chain !== undefined && 'problem' in chain) return { verdict: { type: 'closed', reason: chain.problem } };
  if (port.family === 'tcp' || chain?.place.protocol === 'TLS')
    return { verdict: matchStream(tables, { ...sent, transport: 'tcp' }) };
  if (port.family === 'http' && sent.tls !== undefined)
    return { verdict: { type: 'closed', reason: `port ${sent.port} is HTTP, not HTTPS` } };
  const request = readRequest(sent);
  if ('problem' in request) return { verdict: unread(request) };
  const place = ownerOf(port, request.host);
  if (place === undefined) {
    const reason = `no listener of port ${sent.port} is for ${request.host}`;
    return { verdict: { type: 'unrouted', status: 404, reason } };
  }
  if (chain !== undefined && chain.place !== place) {
    const { hostname } = chain.place;
    const reason = `the TLS connection was made to listener hostname ${hostname}, the request is for ${place.hostname}`;
    return { verdict: { type: 'unrouted', status: 421, reason, ...listenerIn(place) } };
  }
  return { place, request };
}

/** Gives the match that takes a request at its listener hostname. */
export function findRule(
  place: Place,
  request: ReadRequest,
): { readonly candidate: Candidate; readonly hostname: string } | undefined {
  for (const hostname of coveringHostnames(request.host)) {
    const candidate = place.tables.get(hostname)?.find(request);
    if (candidate !== undefined) return { candidate, hostname };
  }
  return undefined;
}

function unread({ problem: reason, status }: RequestProblem): Verdict {
  return status === 'reset' ? { type: 'reset', reason } : { type: 'unrouted', status, reason };
}

/** Says whom a listener has asked before routes are matched: the oldest Gateway's word holds. */
function askedBefore({ listeners: [leader] }: Place, { backends }: Tables): Consents {
  const find: FindBackend = (key) => backends.get(`${leader?.gateway ?? ''} ${key}`);
  return consentsOf('listener', leader?.entry.filters ?? [], find);
}

function refused(reason: string): Arrival {
  return { verdict: { type: 'refused', reason } };
}

function listenerIn(place: Place): { readonly listener?: ListenerOf } {
  const [listener] = place.listeners;
  return listener === undefined ? {} : { listener };
}

function compileTables(gateways: Iterable<MatcherGateway>): Tables {
  const listeners: ListenerOf[] = [];
  const rules: { rule: RuleOf; predicates: readonly Predicate[] }[] = [];
  const streams: StreamRuleOf[] = [];
  const backends = new Map<string, BackendEntry>();
  for (const { gateway, entries } of gateways) {
    for (const [key, entry] of entries) {
      if (entry.kind === 'listener') listeners.push({ gateway, key, entry });
      else if (entry.kind === 'backend') backends.set(`${gateway} ${key}`, entry);
      else if (entry.kind === 'stream-rule') streams.push({ gateway, key, entry });
      else {
        const rule = { gateway, key, entry };
        rules.push({ rule, predicates: compileRule(rule) });
      }
    }
  }
  const tables = { ...compilePorts(listeners), listeners, rules, streams, backends };
  fillTables(tables);
  return tables;
}

/** Puts rules where requests find them. */
function fillTables({ tcp, udp, rules, streams }: Tables): void {
  const at = placesByListener([...tcp.values(), ...udp.values()]);
  const candidates = new Map<Place, Map<string, Candidate[]>>();
  for (const { rule, predicates } of rules) {
    const preflights = predicates.map((predicate) => preflightOf(predicate, rule.entry));
    for (const { listener, hostname } of rule.entry.hosts) {
      const found = at.get(`${rule.gateway} ${listener}`);
      // A hostname that a narrower listener has is that listener's.
      if (found === undefined || ownerOf(found.port, hostname) !== found.place) continue;
      const original = originalHostname(rule.entry, hostname);
      const here = entryOf(
        entryOf(candidates, found.place, () => new Map()),
        hostname,
        () => [],
      );
      for (const list of [predicates, preflights])
        for (const [match, predicate] of list.entries())
          if (predicate !== undefined)
            here.push({ rule, match, predicate, listener, hostname: original, age: found.age });
    }
  }
  for (const [place, lists] of candidates) fillPlace(place, lists);
  for (const stream of streams) {
    for (const { listener, hostname } of stream.entry.hosts) {
      const found = at.get(`${stream.gateway} ${listener}`);
      if (found === undefined || ownerOf(found.port, hostname) !== found.place) continue;
      found.place.streams.set(hostname, [...(found.place.streams.get(hostname) ?? []), stream]);
    }
  }
}

function placesByListener(
  ports: readonly PortTable[],
): ReadonlyMap<string, { readonly port: PortTable; readonly place: Place; readonly age: number }> {
  const found = new Map<string, { readonly port: PortTable; readonly place: Place; readonly age: number }>();
  for (const port of ports) {
    for (const place of port.places.values()) {
      for (const [age, { gateway, entry }] of place.listeners.entries())
        found.set(`${gateway} ${entry.name}`, { port, place, age });
    }
  }
  return found;
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
