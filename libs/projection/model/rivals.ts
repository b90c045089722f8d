// Keeps HTTPRoutes and GRPCRoutes from sharing a hostname of a listener: where one of each wants hostnames in common,
// the older one is accepted there and the other is not (GRPCRouteSpec.hostnames).
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import type { Attachment } from './attach.ts';
import { type Fault, listFacts } from './conditions.ts';
import type { Membership } from '#libs/derivation/group.ts';
import type { RouteName } from '#libs/snapshot/entry.ts';
import { compareRules } from '#libs/snapshot/precedence.ts';

export type Speech = 'http' | 'grpc';

/** Describes one route on one listener. */
export interface Contender {
  /** Key of the route. */
  readonly key: string;
  readonly speech: Speech;
  readonly route: RouteName;
  /** `gateway listener`. */
  readonly place: string;
  /** Effective ones. */
  readonly hostnames: readonly string[];
}

/** Describes an attachment, and why it has fewer listeners than the route asked for. */
export interface KeptAttachment extends Attachment {
  readonly lost?: Fault;
}

/** Lists what a route wants on each listener. */
export function contendersOf(
  key: string,
  speech: Speech,
  route: RouteName,
  attachments: readonly Attachment[],
): readonly Contender[] {
  const byPlace = new Map<string, Set<string>>();
  for (const { gateway, listeners } of attachments) {
    for (const { name, hostnames } of listeners) {
      const place = `${gateway} ${name}`;
      byPlace.set(place, new Set([...(byPlace.get(place) ?? []), ...hostnames]));
    }
  }
  return [...byPlace].map(([place, hostnames]) => ({ key, speech, route, place, hostnames: [...hostnames] }));
}

/** Lists where a contender is found: at each of its hostnames, and under each wildcard that covers one. */
export function grounds(contender: Contender): readonly Membership<Contender>[] {
  const { key: member, speech, place, hostnames } = contender;
  const names = new Set<string>();
  for (const hostname of hostnames) {
    names.add(groundName(speech, place, 'at', hostname));
    for (const wide of wildcardsOver(hostname)) names.add(groundName(speech, place, 'under', wide));
  }
  return [...names].map((group) => ({ group, member, item: contender }));
}

/** Lists the grounds where everything of the other kind is that has a hostname in common with a contender. */
export function rivalGrounds({ speech, place, hostnames }: Contender): readonly string[] {
  const other = speech === 'http' ? 'grpc' : 'http';
  const names = new Set<string>();
  for (const hostname of hostnames) {
    names.add(groundName(other, place, 'at', hostname));
    if (hostname.startsWith('*')) names.add(groundName(other, place, 'under', hostname));
    for (const wide of wildcardsOver(hostname)) names.add(groundName(other, place, 'at', wide));
  }
  return [...names];
}

/** Tells whether one route comes before another where only one of them is accepted. */
export function isOlder(a: RouteName, b: RouteName): boolean {
  return compareRules({ route: a, index: 0 }, { route: b, index: 0 }) < 0;
}

/** Takes from attachments the listeners where an older route of the other kind is. */
export function withoutLost(
  attachments: readonly Attachment[],
  winnerOn: (gateway: string, listener: string) => RouteName | undefined,
): readonly KeptAttachment[] {
  return attachments.map((attachment) => {
    const lost = attachment.listeners.flatMap(({ name }) => {
      const winner = winnerOn(attachment.gateway, name);
      return winner === undefined ? [] : [{ name, winner }];
    });
    if (lost.length === 0) return attachment;
    const listeners = attachment.listeners.filter(({ name }) => !lost.some((one) => one.name === name));
    const facts = lost.map(
      ({ name, winner }) =>
        `not on listener ${name}, where ${winner.kind} ${winner.namespace}/${winner.name} is older ` +
        'and has a hostname in common',
    );
    const fault = { reason: 'HostnameConflict', message: listFacts(facts) };
    return { ...attachment, listeners, ...(listeners.length > 0 ? { lost: fault } : { fault }) };
  });
}

/** Lists the wildcards that cover a hostname, other than itself, the narrowest first. */
function wildcardsOver(hostname: string): readonly string[] {
  if (hostname === '*') return [];
  const labels = hostname.split('.');
  const wide = labels.slice(1).map((_, at) => `*.${labels.slice(at + 1).join('.')}`);
  return [...wide.filter((one) => one !== hostname && intersectHostnames(one, hostname) === hostname), '*'];
}

function groundName(speech: Speech, place: string, where: 'at' | 'under', hostname: string): string {
  return `${speech} ${place} ${where} ${hostname}`;
}
