// Says what a checked proof of an event shows.
import type { CheckedProof } from '../../projector/audit/proof-check.ts';

const shown = ['type', 'cluster', 'kind', 'namespace', 'name', 'manager', 'operation', 'at', 'recordedAt'] as const;

/** Gives the text for people. */
export function checkedProofText({ seq, origin, size, signedBy, event, hasData }: CheckedProof): string {
  const facts = shown.flatMap((field) => {
    const value = event[field];
    return typeof value === 'string' && value !== '' ? [`  ${field.padEnd(10)} ${value}`] : [];
  });
  return [
    `event ${seq} is in the log ${origin} of ${size} events`,
    `signed by ${signedBy}`,
    ...facts,
    `  ${'data'.padEnd(10)} ${hasData ? 'as given' : 'not given; its SHA-256 is'} ${String(event['data'])}`,
  ].join('\n');
}
