// Parses a BackendTLSPolicy, which says how TLS is spoken to a Service.
import { authorityKind } from '#libs/gateway/fields/authority.ts';
import { type Cursor, openBody } from '#libs/gateway/fields/cursor.ts';
import { ignoredFields } from '#libs/gateway/fields/ignored-fields.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import {
  groupName,
  kindName,
  objectName,
  preciseHostname,
  sectionName,
  wildcardHostname,
} from '#libs/gateway/fields/names.ts';
import type { ObjectRef } from '#libs/gateway/fields/object-ref.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** A Service of the policy's namespace, or one of its ports by name. */
export interface PolicyTarget {
  readonly service: string;
  readonly portName?: string;
}

interface SubjectAltName {
  readonly type: 'Hostname' | 'URI';
  readonly value: string;
}

interface BackendTlsPolicy {
  readonly targets: readonly PolicyTarget[];
  readonly hostname: string;
  /** Objects with CA certificates: of the policy's namespace, or of none. */
  readonly authorities: 'system' | readonly ObjectRef[];
  readonly subjectAltNames: readonly SubjectAltName[];
  /** Mistakes: the policy is not accepted, and what it targets is not spoken to. */
  readonly problems: readonly Problem[];
  /** Fields that are left out: no options are known. */
  readonly ignored: readonly string[];
}

/** What the CRD wants of an absolute URI. */
const uri = { min: 1, max: 253, pattern: /^[a-zA-Z][-+.a-zA-Z0-9]*:\/\/[!-~]+$/, expected: 'an absolute URI' };

/** Reads a BackendTLSPolicy. Whatever it holds, this gives a value. */
export function parseBackendTlsPolicy(object: KubeObject): BackendTlsPolicy {
  const { at, problems } = openBody(object, 'spec');
  at.requiredObject();
  const targets = parseTargets(at.field('targetRefs'));
  const validation = at.field('validation');
  validation.requiredObject();
  const hostname = validation.field('hostname').requiredText(preciseHostname) ?? '';
  if (ipVersion(hostname) !== 0) validation.field('hostname').problem('must not be an IP address');
  const authorities = parseAuthorities(validation, object.metadata.namespace ?? '');
  const subjectAltNames = validation
    .field('subjectAltNames')
    .items(5)
    .flatMap((item) => parseSubjectAltName(item) ?? []);
  const ignored = ignoredFields(at, ['options']);
  return { targets, hostname, authorities, subjectAltNames, problems, ignored };
}

function parseTargets(at: Cursor): readonly PolicyTarget[] {
  const targets = at.items(16).flatMap((item): PolicyTarget[] => {
    const group = item.field('group').text(groupName) ?? '';
    const kind = item.field('kind').requiredText(kindName);
    const service = item.field('name').requiredText(objectName);
    // '' = not set.
    const port = item.field('sectionName').into([]).text() === '' ? '' : item.field('sectionName').text(sectionName);
    if (group !== '' || kind !== 'Service') {
      item.problem(`${kind ?? 'it'} cannot be a target; Services can`);
      return [];
    }
    if (service === undefined || (item.field('sectionName').present && port === undefined)) return [];
    return [{ service, ...(port === undefined || port === '' ? {} : { portName: port }) }];
  });
  return [...new Map(targets.map((target) => [`${target.service} ${target.portName ?? ''}`, target])).values()];
}

function parseAuthorities(at: Cursor, namespace: string): BackendTlsPolicy['authorities'] {
  const refsAt = at.field('caCertificateRefs');
  const wellKnown = at.field('wellKnownCACertificates');
  const items = refsAt.items(8);
  const system = wellKnown.into([]).text() === '' ? undefined : wellKnown.oneOf(['System']);
  if (items.length > 0 && system !== undefined) {
    wellKnown.problem('cannot stand beside caCertificateRefs');
  } else if (items.length === 0 && system === undefined && !wellKnown.present) {
    at.problem('must have caCertificateRefs or wellKnownCACertificates');
  }
  if (items.length === 0) return system === undefined ? [] : 'system';
  return items.flatMap((item) => {
    const group = item.field('group').text(groupName) ?? '';
    const kind = item.field('kind').requiredText(kindName);
    const name = item.field('name').requiredText(objectName);
    if (kind === undefined || name === undefined) return [];
    const isBundle = authorityKind({ group, kind }) === 'ClusterTrustBundle';
    return [{ group, kind, namespace: isBundle ? '' : namespace, name }];
  });
}

function parseSubjectAltName(at: Cursor): SubjectAltName | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const type = at.field('type').present
    ? at.field('type').oneOf(['Hostname', 'URI'])
    : at.field('type').problem('is missing');
  if (type === undefined) return undefined;
  const value =
    type === 'Hostname' ? at.field('hostname').requiredText(wildcardHostname) : at.field('uri').requiredText(uri);
  return value === undefined ? undefined : { type, value };
}
