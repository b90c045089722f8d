// Names the kinds of policies that other gateways serve and Fleetgate does not. They have no rows in the table of
// kinds: everywhere but in the objects themselves such a kind is called `<Kind>.<group>`, and its objects are read in
// whatever version the cluster prefers. Those listed here are known by name; others are found by the label of their
// CRD.

/** `<Kind>.<group>`; the group of a CRD has a dot in it. */
export type ForeignKind = `${string}.${string}.${string}`;

/** Labels the CRDs of policies, whoever serves them (GEP-713). */
export const policyLabel = 'gateway.networking.k8s.io/policy';

/** A kind of policy that is known by name. */
interface ForeignPolicyKind {
  readonly kind: string;
  readonly group: string;
  readonly plural: string;
}

const kindsByGroup: Readonly<Record<string, readonly string[]>> = {
  'gateway.networking.x-k8s.io': ['XBackendTrafficPolicy', 'XTelemetryPolicy'],
  'gateway.envoyproxy.io': [
    'SecurityPolicy',
    'BackendTrafficPolicy',
    'ClientTrafficPolicy',
    'EnvoyExtensionPolicy',
    'EnvoyPatchPolicy',
  ],
  'security.istio.io': ['AuthorizationPolicy', 'RequestAuthentication'],
  'telemetry.istio.io': ['Telemetry'],
  'extensions.istio.io': ['WasmPlugin'],
  'networking.istio.io': ['EnvoyFilter'],
  'gateway.kgateway.dev': ['TrafficPolicy', 'HTTPListenerPolicy', 'ListenerPolicy', 'BackendConfigPolicy'],
  'agentgateway.dev': ['AgentgatewayPolicy'],
  'gateway.solo.io': ['RouteOption', 'VirtualHostOption', 'ListenerOption', 'HttpListenerOption'],
  'gateway.nginx.org': [
    'ClientSettingsPolicy',
    'ObservabilityPolicy',
    'ProxySettingsPolicy',
    'RateLimitPolicy',
    'SnippetsPolicy',
    'UpstreamSettingsPolicy',
    'WAFPolicy',
  ],
  'networking.gke.io': [
    'GCPAuthzPolicy',
    'GCPBackendPolicy',
    'GCPGatewayPolicy',
    'GCPTrafficDistributionPolicy',
    'HealthCheckPolicy',
  ],
  'kuadrant.io': ['AuthPolicy', 'RateLimitPolicy', 'TokenRateLimitPolicy', 'DNSPolicy', 'TLSPolicy'],
  'policy.linkerd.io': ['AuthorizationPolicy', 'HTTPLocalRateLimitPolicy'],
  'application-networking.k8s.aws': ['AccessLogPolicy', 'IAMAuthPolicy', 'TargetGroupPolicy', 'VpcAssociationPolicy'],
  'alb.networking.azure.io': [
    'BackendLoadBalancingPolicy',
    'BackendTLSPolicy',
    'FrontendTLSPolicy',
    'HealthCheckPolicy',
    'RoutePolicy',
    'WebApplicationFirewallPolicy',
  ],
  'apisix.apache.org': ['BackendTrafficPolicy', 'HTTPRoutePolicy'],
};

/** Every kind of policy that is known by name, by group. */
export const foreignPolicies: ReadonlyMap<string, readonly ForeignPolicyKind[]> = new Map(
  Object.entries(kindsByGroup).map(([group, kinds]) => [
    group,
    kinds.map((kind) => ({ kind, group, plural: pluralOf(kind) })),
  ]),
);

/** A text that can be a ForeignKind; the group has at most 253 characters. */
export const foreignKindPattern = /^[A-Z][A-Za-z0-9]{0,62}(?=.{2,254}$)(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?){2,}$/;

/** Writes `<Kind>.<group>`; undefined where these can be no kind and group of a CRD. */
export function toForeignKind(kind: string, group: string): ForeignKind | undefined {
  const [first = '', ...rest] = group.split('.');
  const name: ForeignKind = `${kind}.${first}.${rest.join('.')}`;
  return kind.includes('.') || !foreignKindPattern.test(name) ? undefined : name;
}

/** Reads `<Kind>.<group>`; undefined = the text names no kind of a CRD. */
export function parseForeignKind(
  text: string,
): { readonly name: ForeignKind; readonly kind: string; readonly group: string } | undefined {
  const at = text.indexOf('.');
  const [kind, group] = [text.slice(0, at), text.slice(at + 1)];
  const name = at < 0 ? undefined : toForeignKind(kind, group);
  return name && { name, kind, group };
}

function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  return lower.endsWith('y') ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}
