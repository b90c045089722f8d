// Decides which listeners of a Gateway and its ListenerSets are distinct (GatewaySpec.listeners, "Distinct Listeners"),
// and which TLS hostnames overlap.
//
// Within one object no winner is picked among listeners that are not distinct; between objects the Gateway comes first,
// then the ListenerSets in their order. A listener that lost to an earlier object stands in nobody's way. The cost is
// that of the listeners, not of their pairs.
import type { Fault } from './conditions.ts';
import { listFacts } from './conditions.ts';

/** Says what one readable listener of a served protocol wants. */
export interface ListenerClaim {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly hostname: string;
}

/** Holds the listeners of one object. `kind` is for messages. */
export interface Claimant {
  readonly parent: string;
  readonly kind: 'Gateway' | 'ListenerSet';
  readonly claims: readonly ListenerClaim[];
}

/** Says what is to be said about a listener beside the others. */
export interface Verdict {
  readonly conflict?: Fault;
  /** Whether the conflict leaves its hostname to nobody: to none of the listeners of one object that want it. */
  readonly nobodys?: true;
  readonly overlap?: Fault;
}

/** Holds verdicts by listener name; listeners without one are distinct and overlap with none. */
export type Verdicts = Readonly<Record<string, Verdict>>;

/** Finds the verdict on a listener; names are the user's, so they may be those of every object's own fields. */
export function verdictOn(verdicts: Verdicts | undefined, name: string): Verdict {
  return (verdicts !== undefined && Object.hasOwn(verdicts, name) ? verdicts[name] : undefined) ?? {};
}

/** Holds a claim with what it is compared by. */
interface Standing extends ListenerClaim {
  readonly claimant: Claimant;
  readonly place: string;
  readonly family: string;
}

/** Holds what is claimed on one port, of TCP or of UDP. */
interface PortBook {
  readonly families: Set<string>;
  readonly first: Standing;
  readonly hosts: Map<string, Standing>;
}

/** These protocols share ports, told apart by the hostname of the handshake. */
const protocolsOfTls: ReadonlySet<string> = new Set(['HTTPS', 'TLS']);
const withoutHostname: ReadonlySet<string> = new Set(['TCP', 'UDP']);

/** Judges the listeners of a Gateway and its ListenerSets, given in their order of precedence; by `parent`. */
export function judgeListeners(claimants: readonly Claimant[]): Readonly<Record<string, Verdicts>> {
  const verdicts = new Map<string, Map<string, Verdict>>();
  const note = (parent: string, name: string, verdict: Verdict): void => {
    let own = verdicts.get(parent);
    if (own === undefined) verdicts.set(parent, (own = new Map()));
    own.set(name, { ...own.get(name), ...verdict });
  };
  const ports = new Map<string, PortBook>();
  const distinct: Standing[] = [];
  for (const claimant of claimants) {
    const rest = claimant.claims
      .map((claim) => toStanding(claim, claimant))
      .filter((claim) => {
        const conflict = conflictWithEarlier(claim, ports.get(claim.place));
        if (conflict !== undefined) note(claimant.parent, claim.name, { conflict });
        return conflict === undefined;
      });
    const byPlace = Map.groupBy(rest, ({ place }) => place);
    for (const claim of rest) {
      const conflict = conflictAmong(claim, byPlace.get(claim.place) ?? []);
      const nobodys = conflict?.reason === 'HostnameConflict' ? { nobodys: true as const } : {};
      if (conflict !== undefined) note(claimant.parent, claim.name, { conflict, ...nobodys });
      else distinct.push(claim);
    }
    for (const claim of rest) enter(ports, claim);
  }
  for (const [{ claimant, name }, overlap] of overlaps(distinct)) note(claimant.parent, name, { overlap });
  return Object.fromEntries([...verdicts].map(([parent, own]) => [parent, Object.fromEntries(own)]));
}

function conflictWithEarlier(claim: Standing, book: PortBook | undefined): Fault | undefined {
  if (book === undefined) return undefined;
  const { port, protocol } = claim;
  if (book.families.size > 1 || !book.families.has(claim.family)) {
    const message = `port ${port} is ${protocol} here and ${book.first.protocol} on ${ownerText(book.first)}`;
    return { reason: 'ProtocolConflict', message };
  }
  if (withoutHostname.has(protocol))
    return { reason: 'ProtocolConflict', message: `${ownerText(book.first)} has the same port and protocol` };
  const same = book.hosts.get(claim.hostname);
  return same && { reason: 'HostnameConflict', message: `${ownerText(same)} has the same port and hostname` };
}

/** Names an owner; siblings' names are not told: whoever may read this listener may not be allowed to read theirs. */
function ownerText({ claimant, name }: Standing): string {
  return claimant.kind === 'Gateway' ? `listener ${name} of the Gateway` : 'a ListenerSet that comes first';
}

/** Compares pairs: at most 64 listeners are in one object, so their pairs are few. `all` are those of its place. */
function conflictAmong(claim: Standing, all: readonly Standing[]): Fault | undefined {
  if (all.length === 1) return undefined;
  const others = all.filter((other) => other !== claim);
  const protocol = others.find((other) => other.family !== claim.family);
  if (protocol !== undefined) {
    const other = `${protocol.protocol} on listener ${protocol.name}`;
    const message = `port ${claim.port} is ${claim.protocol} here and ${other}`;
    return { reason: 'ProtocolConflict', message };
  }
  const [first] = others;
  if (first !== undefined && withoutHostname.has(claim.protocol))
    return { reason: 'ProtocolConflict', message: `listener ${first.name} has the same port and protocol` };
  const hostname = others.find((other) => other.hostname === claim.hostname);
  return (
    hostname && { reason: 'HostnameConflict', message: `listener ${hostname.name} has the same port and hostname` }
  );
}

function enter(ports: Map<string, PortBook>, standing: Standing): void {
  const { place, family, hostname } = standing;
  const book = ports.get(place);
  if (book === undefined) {
    ports.set(place, { families: new Set([family]), first: standing, hosts: new Map([[hostname, standing]]) });
    return;
  }
  book.families.add(family);
  if (!book.hosts.has(hostname)) book.hosts.set(hostname, standing);
}

/**
 * Lists the distinct TLS listeners that overlap with another on their port; names of other objects' listeners are not
 * told.
 */
function* overlaps(distinct: readonly Standing[]): Iterable<readonly [Standing, Fault]> {
  const tls = distinct.filter(({ protocol }) => protocolsOfTls.has(protocol));
  // Only patterns cover other hostnames, and there are few.
  const patterns = new Map<number, Map<string, Standing>>();
  for (const one of tls) {
    if (!one.hostname.startsWith('*')) continue;
    const ofPort = patterns.get(one.port) ?? new Map<string, Standing>();
    patterns.set(one.port, ofPort.set(one.hostname, one));
  }
  const found = new Map<Standing, { readonly own: string[]; foreign: boolean }>();
  const note = (one: Standing, other: Standing): void => {
    let known = found.get(one);
    if (known === undefined) found.set(one, (known = { own: [], foreign: false }));
    if (other.claimant === one.claimant) known.own.push(other.name);
    else known.foreign = true;
  };
  for (const one of tls) {
    const ofPort = patterns.get(one.port);
    if (ofPort === undefined) continue;
    for (const wider of widerHostnames(one.hostname)) {
      const other = ofPort.get(wider);
      if (other === undefined) continue;
      note(one, other);
      note(other, one);
    }
  }
  for (const [one, { own, foreign }] of found) {
    const names = own.toSorted((a, b) => orderOf(one, a) - orderOf(one, b));
    const whose = [
      ...(own.length > 0 ? [`listener ${listFacts(names)}`] : []),
      ...(foreign ? ['listeners of other objects'] : []),
    ];
    const message = `hostnames overlap with those of ${whose.join(', and of ')}`;
    yield [one, { reason: 'OverlappingHostnames', message }];
  }
}

function orderOf({ claimant }: Standing, name: string): number {
  return claimant.claims.findIndex((claim) => claim.name === name);
}

/**
 * Lists the patterns that cover a hostname and are not equal to it: '*.b.c', '*.c' and '*' for 'a.b.c' and for
 * '*.a.b.c'.
 */
function* widerHostnames(hostname: string): Iterable<string> {
  if (hostname === '*') return;
  let rest = hostname.startsWith('*.') ? hostname.slice(2) : hostname;
  for (let dot = rest.indexOf('.'); dot >= 0; dot = rest.indexOf('.')) {
    rest = rest.slice(dot + 1);
    yield `*.${rest}`;
  }
  yield '*';
}

/** Places a claim: UDP ports are others than TCP ports. */
function toStanding(claim: ListenerClaim, claimant: Claimant): Standing {
  const { name, port, protocol, hostname } = claim;
  const place = `${protocol === 'UDP' ? 'udp' : 'tcp'}/${port}`;
  return { name, port, protocol, hostname, claimant, place, family: protocolsOfTls.has(protocol) ? 'TLS' : protocol };
}
