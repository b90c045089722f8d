// Describes what a watch tells, and writes it as a line for people or for programs. Pure.
import type { Gateway } from '../views/gateway-table.ts';
import { eventLine } from '../views/event-lines.ts';
import { count, oneLine } from '../views/table.ts';
import { certaintyOf } from '../report/change-columns.ts';
import type { ReportedChange } from '../report/change-reads.ts';

type Version = ReportedChange['versions'][number];

/** A version whose end is not told yet. */
export interface Pending {
  /** Of the event that led to it. */
  readonly seq: string;
  readonly recordedAt: string;
  readonly gateway: string;
  readonly version: number;
  /** When it was told that a node refused it. */
  refusedAt: string | null;
}

/** One thing that a watch tells. */
export type Watched =
  | { readonly type: 'event'; readonly change: ReportedChange }
  | { readonly type: 'version'; readonly seq: string; readonly version: Version }
  | {
      readonly type: 'applied' | 'superseded' | 'waiting';
      readonly of: Pending;
      /** The version that serves; that of `of` where it is applied. */
      readonly serving: number;
      readonly nodes: number;
      /** From the recording of the change until the last node told that it had applied it; null = none did. */
      readonly ms: number | null;
    }
  | { readonly type: 'refused'; readonly of: Pending; readonly reasons: readonly string[]; readonly at: string }
  | { readonly type: 'alarm'; readonly gateway: string; readonly alarm: string | null };

/** Says what became of a version; undefined = nothing to tell yet. */
export function judge(pending: Pending, version: Version, gateway: Gateway): Watched | undefined {
  const { applied, refused } = version;
  if (refused !== null && refused.at !== pending.refusedAt)
    return { type: 'refused', of: pending, reasons: refused.reasons, at: refused.at };
  const ms = applied === null ? null : Date.parse(applied.last) - Date.parse(pending.recordedAt);
  const nodes = applied?.nodes ?? 0;
  const told = { of: pending, serving: gateway.serving, nodes, ms };
  if (gateway.serving > pending.version || gateway.deleted) return { type: 'superseded', ...told };
  if (gateway.serving < pending.version) return gateway.pinned ? { type: 'waiting', ...told } : undefined;
  const { connected, applied: have } = gateway.nodes;
  return connected > 0 && have >= connected && applied !== null ? { type: 'applied', ...told, nodes: have } : undefined;
}

/** Writes it for programs, with the type first. */
export function watchedJson(watched: Watched): string {
  if (watched.type === 'event') {
    const { versions: _, event, ...change } = watched.change;
    return JSON.stringify({ type: 'event', ...change, event });
  }
  if (watched.type === 'version') return JSON.stringify({ type: 'version', seq: watched.seq, ...watched.version });
  if (watched.type === 'alarm') return JSON.stringify(watched);
  const { of, ...told } = watched;
  const { seq, gateway, version } = of;
  return JSON.stringify({ ...told, seq, gateway, version });
}

/** Writes it for people: one line, whatever is in the texts. */
export function watchedLine(watched: Watched): string {
  return oneLine(lineOf(watched));
}

function lineOf(watched: Watched): string {
  if (watched.type === 'event')
    return `${eventLine('text', watched.change.event, '')} (author: ${certaintyOf(watched.change)})`;
  if (watched.type === 'version') {
    const { gateway, version, cause } = watched.version;
    return `  #${watched.seq} → ${gateway}@${version}${cause === 'change' ? '' : `, by ${cause}`}`;
  }
  if (watched.type === 'alarm') return `! ${watched.gateway}: ${watched.alarm ?? 'its alarm is over'}`;
  return `  ${name(watched.of)} ${endOf(watched)}`;
}

function endOf(watched: Extract<Watched, { readonly of: Pending }>): string {
  if (watched.type === 'refused') return `refused by a node: ${watched.reasons.join('; ')}`;
  const { serving, nodes, ms } = watched;
  if (watched.type === 'applied') return `applied by all of ${count(nodes, 'node')}${after(ms)}`;
  if (watched.type === 'waiting') return `waits: the gateway is pinned to @${serving}`;
  return `gave way to @${serving}; ${hadIt(nodes)}${after(ms)}`;
}

function name({ seq, gateway, version }: Pending): string {
  return `#${seq} → ${gateway}@${version}`;
}

function hadIt(nodes: number): string {
  return nodes === 0 ? 'no node is known to have applied it' : `applied by ${count(nodes, 'node')}`;
}

function after(ms: number | null): string {
  return ms === null ? '' : `, ${Math.max(0, ms)} ms after the change was recorded`;
}
