// Says how the API answers what a version of a gateway holds, and what differs between two.
import { z } from 'zod';
import { type Endpoint, gatewayAt } from '#libs/api/endpoint.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { snapshotDiff } from '#libs/api/models/snapshot-diff.ts';
import { snapshotDetail, snapshotSummary } from '#libs/api/models/snapshot.ts';
import { cursor, gatewayPath, limit, page, versionOrNoneText, versionText } from '#libs/api/parameters.ts';

export const snapshotsEndpoints = {
  listSnapshots: {
    method: 'GET',
    path: `${gatewayAt}/snapshots`,
    role: 'viewer',
    tag: 'snapshots',
    summary: 'Versions of a gateway, newest first',
    input: z.object({ params: gatewayPath, query: page }),
    returns: pageOf(snapshotSummary),
    refuses: ['not-found'],
  },
  readSnapshot: {
    method: 'GET',
    path: `${gatewayAt}/snapshots/:version`,
    role: 'viewer',
    tag: 'snapshots',
    summary: 'One version and its entries',
    input: z.object({ params: gatewayPath.extend({ version: versionText }), query: page }),
    returns: snapshotDetail,
    refuses: ['not-found'],
  },
  diffSnapshots: {
    method: 'GET',
    path: `${gatewayAt}/diff`,
    role: 'viewer',
    tag: 'snapshots',
    summary: 'What changed between two versions',
    description: 'Without `to`: the serving version. Without `from`: the one before `to`. Version 0 is empty.',
    input: z.object({
      params: gatewayPath,
      query: z.object({
        from: versionOrNoneText.optional(),
        to: versionOrNoneText.optional(),
        limit: limit(),
        after: cursor,
      }),
    }),
    returns: snapshotDiff,
    refuses: ['not-found'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
