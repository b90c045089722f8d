// Says what an outcome and the nodes come to, in the words of the API.
import type { z } from 'zod';
import type { OperatorOutcome } from '#libs/events/operator-event.ts';
import type { commandResult } from '#libs/api/models/command.ts';
import type { ProblemCode } from '#libs/api/problem.ts';
import type { WaitedNode } from './node-waits.ts';

/** Writes the answer to a command that was carried out; `nodes` null = they were not waited for. */
export function toResult(
  { id, version, seq, replaced, to }: Extract<OperatorOutcome, { ok: true }>,
  gateway: string,
  decidedMs: number,
  waited: readonly WaitedNode[] | null,
  startedAt: number,
): Omit<z.input<typeof commandResult>, 'unready'> {
  const nodes = (waited ?? []).map(({ node, heard, unknownSince }) => ({
    node,
    state: unknownSince === null ? (heard?.state ?? ('waiting' as const)) : ('unknown' as const),
    unknownSince: unknownSince?.toISOString() ?? null,
    ms: heard === null ? null : Math.max(0, heard.at - startedAt),
    tookMs: heard?.tookMs ?? null,
    reasons: [...(heard?.reasons ?? [])],
  }));
  const complete = waited !== null && nodes.every(({ state }) => state === 'applied');
  const last = Math.max(...nodes.map(({ ms }) => ms ?? 0));
  const ms = complete && nodes.length > 0 ? last : null;
  const from = { replaced: replaced ?? null, ofVersion: to ?? null };
  return { id, gateway, version, ...from, seq, decidedMs, complete, ms, nodes };
}

/** The projector's words for a refusal, as the API's. */
const refusals: Readonly<Record<string, ProblemCode>> = {
  'unknown-gateway': 'not-found',
  'unknown-version': 'not-found',
  'archived-version': 'not-found',
  'no-earlier-version': 'conflict',
  'not-pinned': 'conflict',
  'nothing-held': 'conflict',
  changed: 'conflict',
  pinned: 'conflict',
  'unknown-request': 'not-found',
  decided: 'conflict',
  'break-glass': 'forbidden',
  'another-content': 'conflict',
  expired: 'expired',
};

/** Gives the API's code of a refusal. */
export function problemCodeOf(code: string): ProblemCode {
  return refusals[code] ?? 'refused';
}
