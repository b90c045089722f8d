// Says in words who did something and how far that is known: who asked the API server, else the name that the client
// chose, else nobody.
import type { z } from 'zod';
import type { certainty, changeRequest, toolClaim } from '#libs/api/models/attribution.ts';
import type { actor } from '#libs/api/models/actor.ts';

type Request = z.output<typeof changeRequest>;

/** What the API shows of who did something. */
interface Authored {
  readonly changedBy: z.output<typeof actor> | null;
  readonly certainty: z.output<typeof certainty>;
  readonly requests: readonly Request[];
  readonly claim: z.output<typeof toolClaim> | null;
}

const shownDigits = 12;

/** Names who did it: `alice`, `alice as bob`, `alice or carol`; of a deletion who asked for it. `-` = not known. */
export function authorText({ changedBy, requests, certainty: known }: Authored): string {
  const asked = requests.filter(({ role }) => role !== 'finalizer');
  const names = [...new Set((asked.length === 0 ? requests : asked).map(userText))];
  if (names.length === 0) return changedBy?.manager ?? '-';
  return names.join(known === 'one of' ? ' or ' : ', ');
}

/** Says more of each request in a line: `patch by alice as bob, kubectl from 192.0.2.7, audit 9f3a…`. */
export function requestLines({ requests }: Pick<Authored, 'requests'>): readonly string[] {
  return requests.map((request) => {
    const { role, verb, tool, sourceAddresses, auditId } = request;
    const did = role === 'asked' ? 'asked for: ' : role === 'finalizer' ? 'removed the last finalizer: ' : '';
    const program = tool === '' ? '' : ` with ${tool}`;
    const from = sourceAddresses.length === 0 ? '' : ` from ${sourceAddresses.join(', ')}`;
    return `${did}${verb} by ${userText(request)}${program}${from}, audit ${auditId}`;
  });
}

/** Says what a tool claims: `claims: argocd Application argocd/shop @ 3f2a9c41d0b7`; '' where none does. */
export function claimText({ claim }: Pick<Authored, 'claim'>): string {
  if (claim === null) return '';
  const { tool, application, revision, commit, initiatedBy } = claim;
  const at = revision === null ? '' : ` @ ${shortRevision(revision)}`;
  const by = commit === null ? '' : ` by ${commit.author}`;
  const begun = initiatedBy === null || initiatedBy.automated ? '' : `, begun by ${initiatedBy.username}`;
  return `claims: ${tool} ${application}${at}${by}${begun}`;
}

/** Names who authenticated and, where it was another, as whom. */
function userText({ user, impersonator }: Request): string {
  return impersonator === null ? user : `${impersonator} as ${user}`;
}

/** Cuts hashes in a revision to what people tell them apart by. */
function shortRevision(revision: string): string {
  return revision.replaceAll(/[0-9a-f]{40,64}/g, (hash) => hash.slice(0, shownDigits));
}
