// Describes clusters and their agents.
import { z } from 'zod';
import { ageMs, seq, time } from './values.ts';

export const cluster = z
  .strictObject({
    name: z.string(),
    identity: z.string().describe('Its name in keys and digests, which no renaming changes.'),
    removedAt: time.nullable().describe('When it was removed from the fleet; null = it was not.'),
    uid: z.string(),
    status: z
      .enum(['connected', 'silent', 'unknown'])
      .describe('unknown = its agent was never heard of, or no projector leads that could hear it'),
    firstSeen: time,
    agent: z
      .strictObject({
        version: z.string(),
        source: z.string().describe('kubernetes or folder'),
        synced: z.boolean(),
        problems: z.array(z.string()),
        objects: z.int(),
        lastSeen: time,
        ageMs,
      })
      .nullable(),
    objects: z.record(z.string(), z.int()).describe('Objects in the history, by kind.'),
  })
  .meta({ id: 'Cluster', description: 'One Kubernetes API server, or one folder of manifests.' });

export const clusterChange = z
  .strictObject({ id: z.string(), cluster: z.string(), seq })
  .meta({ id: 'ClusterChange', description: 'Which event says what was done to a cluster.' });
