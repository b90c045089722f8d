// Says what a verification of the history found.
import type { AuditReport } from '../../projector/audit/verifying.ts';

/** Gives the text for people. */
export function auditText(report: AuditReport): string {
  const { events, root, tookMs, checkpoints, faults, faultCount, signers, snapshots } = report;
  const seconds = tookMs / 1000;
  const rate = Math.round(events / Math.max(seconds, 0.001));
  const lines = [`${events} events, root ${root}, in ${seconds.toFixed(1)} s (${rate} events/s)`];
  for (const { from, size, holds } of checkpoints)
    lines.push(`${holds ? 'holds' : 'DOES NOT HOLD'}: ${from} of ${size} events, signed by ${signers[from] ?? ''}`);
  if (checkpoints.length === 0)
    lines.push('no checkpoint was given: this shows that the database agrees with itself, and no more');
  lines.push(...faults.map(({ text }) => `${text}.`));
  if (faultCount > faults.length) lines.push(`… and ${faultCount - faults.length} more`);
  if (faultCount === 0) lines.push('nothing was changed, removed, inserted or exchanged');
  if (snapshots === null) lines.push('not compared: whether the snapshots follow from the events');
  else if (snapshots.differenceCount === 0)
    lines.push(`${snapshots.versions} versions and ${snapshots.objects} objects follow from the events`);
  else lines.push(...snapshots.differences);
  return lines.join('\n');
}
