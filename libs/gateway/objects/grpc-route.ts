// Parses a GRPCRoute, whose rules are for HTTP requests with the path /<service>/<method>.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { parseGrpcMatch } from './grpc-match.ts';
import { matchEverything } from './http-match.ts';
import { parseHttpRules, type RuleDialect } from './http-rule.ts';
import { ignoredFields, ignoredInItems } from '#libs/gateway/fields/ignored-fields.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { parseParentRefs } from '#libs/gateway/fields/parent-ref.ts';
import { parseRouteHostnames } from '#libs/gateway/fields/route-hostnames.ts';
import type { HttpRoute } from './route-spec.ts';

const dialect: RuleDialect = {
  parseMatch: parseGrpcMatch,
  everything: { ...matchEverything, grpc: {} },
  filters: ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef'],
  hasDefaultRule: false,
};

/** Fields of HTTPRoute's rules that a GRPCRoute does not have; its CRD prunes them. */
const unknownFields = ['timeouts', 'retry'] as const;

/** Reads a GRPCRoute. Whatever it holds, this gives a value. */
export function parseGrpcRoute(object: KubeObject, namespace: string): HttpRoute {
  const { at, problems } = openBody(object, 'spec');
  const parentRefs = parseParentRefs(at, namespace);
  at.requiredObject();
  const hostnames = parseRouteHostnames(at.field('hostnames'), 16);
  const rules = parseHttpRules(at.field('rules'), namespace, dialect).map((rule) => {
    const { timeouts: _timeouts, retry: _retry, ...rest } = rule;
    return rest;
  });
  const ignored = [
    ...ignoredFields(at, ['useDefaultGateways']),
    ...ignoredInItems(at.field('rules'), 16, ['sessionPersistence', ...unknownFields]),
  ];
  const kept = problems.length > 0 ? [] : rules;
  return { type: 'http', protocol: 'grpc', parentRefs, hostnames, rules: kept, problems, ignored };
}
