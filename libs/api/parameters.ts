// Says what the parameters of requests may hold. The same schemas check a request and stand in the OpenAPI document.
import { z } from 'zod';
import { foreignKindPattern } from '#libs/gateway/foreign-kinds.ts';
import { kinds, kubernetesKind } from '#libs/gateway/kinds.ts';

const label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and -, at most 63');
const int4Max = 2_147_483_647;
const yearOne = Date.parse('0001-01-01T00:00:00Z');
const yearTenThousand = Date.parse('9999-12-31T23:59:59.999Z') + 1;

export const clusterName = label;
export const namespaceName = label;
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case');

/** A name as objects of all kinds may have it: those of ClusterTrustBundles name a signer, with colons. */
export const anyObjectName = z
  .string()
  .max(253)
  .regex(/^[A-Za-z0-9]([-A-Za-z0-9._:]*[A-Za-z0-9])?$/, 'must be the name of an object');

/** A gateway by the parts of a path. */
export const gatewayPath = z.object({ cluster: clusterName, namespace: namespaceName, name: objectName });
/** A gateway as one text. */
export const gatewayKey = z
  .string()
  .regex(/^[-a-z0-9]{1,63}\/[-a-z0-9]{1,63}\/[-a-z0-9.]{1,253}$/, 'must be cluster/namespace/name');

/** A host, or hosts by a wildcard; read in lower case. */
export const hostPattern = z
  .string()
  .max(253)
  .regex(/^(\*|(\*\.)?[-A-Za-z0-9_]+(\.[-A-Za-z0-9_]+)*)$/, 'must be a host, *.host or *')
  .transform((text) => text.toLowerCase())
  .meta({
    description:
      'Objects that named the host, or a wildcard over it, at that time; of `*.host` also what is below; ' +
      '`*`: routes and listeners that named no host and take any.',
  });
/** The path of a request. */
export const requestPath = z
  .string()
  .max(1024)
  .regex(/^\/[^\0]*$/, 'must begin with /')
  .meta({ description: 'Routes with a rule that could take the path at that time, by its prefix or in full.' });
/** A version of a gateway as one text. */
export const gatewayVersion = z
  .string()
  .regex(/^[-a-z0-9]{1,63}\/[-a-z0-9]{1,63}\/[-a-z0-9.]{1,253}@\d{1,9}$/, 'must be cluster/namespace/name@17');

export const version = z.int().min(1).max(int4Max);
export const versionText = wholeNumberText(1, int4Max);
/** Version 0 is empty. */
export const versionOrNoneText = wholeNumberText(0, int4Max);
export const sequenceNumber = z.string().regex(/^\d{1,18}$/, 'must be a sequence number');
/** An event as a place in the history. */
export const sequencePlace = z.string().regex(/^#\d{1,18}$/, 'must be # and a sequence number');
export const nodeName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a node');
export const id = z.string().regex(/^[-\w]{1,64}$/);
/** A moment, in UTC once it is read: Postgres takes neither every offset nor every year that RFC 3339 can write. */
export const instant = z.iso
  .datetime({ offset: true })
  .refine((text) => Date.parse(text) >= yearOne && Date.parse(text) < yearTenThousand, 'must be of the years 1 to 9999')
  .transform((text) => new Date(text).toISOString());

/** Postgres refuses NUL in text. */
export const text = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\0]*$/, 'must be text');
export const plainText = text(200);
export const search = plainText.optional();
export const yesOrNo = z.enum(['true', 'false']).optional();

export const cursor = z.string().max(2000).optional().describe('`next` of the page before.');
/** Page size. */
export const limit = (max = 500) => wholeNumberText(1, max).default(Math.min(100, max));
export const page = z.object({ limit: limit(), after: cursor });

/** Every type of event that the history holds. */
export const eventTypes = [
  'applied',
  'deleted',
  'rollback',
  'release',
  'accept',
  'requested',
  'approved',
  'rejected',
  'restored',
  'node-left',
  'token-created',
  'token-revoked',
  'logins-refused',
  'migrated',
  'key-generated',
  'event-repaired',
  'person-erased',
  'log-key-generated',
  'checkpoint-refused',
  'requests-denied',
  'history-read',
  'settings-changed',
  'log-started',
  'log-stopped',
  'history-archived',
  'cluster-removed',
  'cluster-readmitted',
  'cluster-renamed',
  'attributed',
  'traced',
] as const;
const objectKinds: readonly string[] = kinds.map(({ kind }) => kind);
/** Every kind that the history holds: one of the table, or a policy's of another gateway. */
export const objectKind = z.union([
  z.enum(objectKinds),
  z
    .string()
    .max(317)
    .regex(foreignKindPattern, 'must be a kind, or <Kind>.<group> of a policy of another gateway')
    .meta({ description: 'A policy that another gateway serves: `SecurityPolicy.gateway.envoyproxy.io`.' }),
]);
/** What else events are about. */
export const otherKinds = [
  'Node',
  'Fleet',
  'Token',
  'Login',
  'Schema',
  'NodeKey',
  'Event',
  'Request',
  'History',
  'Settings',
  'Log',
  'Person',
  'Cluster',
] as const;
/** An object by the parts of a path; `-` is the namespace of one that has none. */
export const objectPath = z.object({
  cluster: clusterName,
  kind: objectKind,
  namespace: z.union([namespaceName, z.literal('-')]),
  name: anyObjectName,
});
/** Those of the objects' kinds that are routes. */
export const routeKinds: readonly string[] = objectKinds.filter(
  (kind) => kubernetesKind(kind).endsWith('Route') || kind === 'Ingress',
);

/** A number in a path or a query: digits and nothing else, so that ` 1`, `1e2` and the empty text are refused. */
export function wholeNumberText(min: number, max: number) {
  return z
    .string()
    .refine((text) => /^\d{1,10}$/.test(text), 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ type: 'integer', minimum: min, maximum: max });
}
