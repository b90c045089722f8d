// Lists the rules for names. Their patterns are the Gateway API's and Kubernetes' own; objects are never trusted to
// have passed them.
import type { TextRule } from './cursor.ts';

const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** metadata.name: anything that is one segment of a path. */
export const objectName: TextRule = {
  min: 1,
  max: 253,
  pattern: /^(?!\.{1,2}$)[^/%\s\p{Cc}]+$/u,
  expected: 'an object name',
};
export const namespaceName: TextRule = {
  min: 1,
  max: 63,
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  expected: 'a namespace',
};
/** Name of a cluster in the fleet: a DNS label. */
export const clusterName: TextRule = {
  min: 1,
  max: 63,
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  expected: 'a DNS label',
};
export const sectionName: TextRule = { min: 1, max: 253, pattern: subdomain, expected: 'a section name' };
export const kindName: TextRule = {
  min: 1,
  max: 63,
  pattern: /^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$/,
  expected: 'a kind',
};
export const groupName: TextRule = {
  max: 253,
  pattern: /^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  expected: 'an API group',
};
export const headerName: TextRule = {
  min: 1,
  max: 256,
  pattern: /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  expected: 'a header name',
};
export const headerValue: TextRule = {
  min: 1,
  max: 4096,
  pattern: /^[!-~]+([\t ][!-~]+)*$/,
  expected: 'a header value (printable ASCII)',
};
/** A hostname without a wildcard. An IP address in dotted decimal passes too. */
export const preciseHostname: TextRule = { min: 1, max: 253, pattern: subdomain, expected: 'a host name' };
export const wildcardHostname: TextRule = {
  min: 1,
  max: 253,
  pattern: /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  expected: 'a host name in lower case, with at most one leading "*."',
};
