// Parses an HTTPRoute.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { matchEverything, parseHttpMatch } from './http-match.ts';
import { parseHttpRules, type RuleDialect } from './http-rule.ts';
import { ignoredFields, ignoredInItems } from '#libs/gateway/fields/ignored-fields.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { parseParentRefs } from '#libs/gateway/fields/parent-ref.ts';
import { parseRouteHostnames } from '#libs/gateway/fields/route-hostnames.ts';
import type { HttpRoute } from './route-spec.ts';

const httpDialect: RuleDialect = {
  parseMatch: parseHttpMatch,
  everything: matchEverything,
  filters: [
    'RequestHeaderModifier',
    'ResponseHeaderModifier',
    'RequestMirror',
    'RequestRedirect',
    'URLRewrite',
    'CORS',
    'ExternalAuth',
    'ExtensionRef',
  ],
  hasDefaultRule: true,
};

/** Reads an HTTPRoute. Whatever it holds, this gives a value. */
export function parseHttpRoute(object: KubeObject, namespace: string): HttpRoute {
  const { at, problems } = openBody(object, 'spec');
  const parentRefs = parseParentRefs(at, namespace);
  at.requiredObject();
  const hostnames = parseRouteHostnames(at.field('hostnames'), 16);
  const rules = parseHttpRules(at.field('rules'), namespace, httpDialect);
  const ignored = [
    ...ignoredFields(at, ['useDefaultGateways']),
    ...ignoredInItems(at.field('rules'), 16, ['sessionPersistence']),
  ];
  return { type: 'http', parentRefs, hostnames, rules: problems.length > 0 ? [] : rules, problems, ignored };
}
