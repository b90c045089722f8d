// Shows what a node rejected.
import type { Row } from '#libs/runtime/postgres/database.ts';

/** The columns of a rejection, with its age in ms by the database's clock. */
export interface RejectionColumns extends Pick<
  Row<'node_gateways'>,
  'rejected_version' | 'rejected_reasons' | 'rejected_at'
> {
  readonly rejected_age_ms: number | null;
}

/** Makes of the columns what the API shows; null where nothing was rejected. */
export function toRejection(
  row: RejectionColumns,
): { version: number; reasons: string[]; at: string; ageMs: number } | null {
  if (row.rejected_version === null || row.rejected_at === null) return null;
  return {
    version: row.rejected_version,
    reasons: [...(row.rejected_reasons ?? [])],
    at: row.rejected_at.toISOString(),
    ageMs: row.rejected_age_ms ?? 0,
  };
}
