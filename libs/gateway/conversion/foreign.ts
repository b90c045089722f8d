// Names what other controllers read and Fleetgate does not: annotations of Ingresses and Services that change routing
// or access, and objects of other APIs that are routing. A warning too many costs a look, a missing one may open what
// was protected.
import { stringsOf, type WrittenObject } from './conversion.ts';

/** Gives the annotations of an Ingress that some controller acts on, and nothing here does. */
export function foreignAnnotations(object: WrittenObject): readonly string[] {
  return Object.keys(stringsOf(object.metadata.annotations)).filter(
    (key) => !isInert(key) && !certificateIssuers.test(domainOf(key)) && key !== 'kubernetes.io/tls-acme' && acts(key),
  );
}

/**
 * Gives the annotations that ask cert-manager or the like for a certificate: they work on a Gateway or ListenerSet, not
 * on a route.
 */
export function issuerAnnotations(object: WrittenObject): readonly string[] {
  return Object.keys(stringsOf(object.metadata.annotations)).filter(
    (key) => certificateIssuers.test(domainOf(key)) || key === 'kubernetes.io/tls-acme',
  );
}

/**
 * Gives the annotations of a Service that ingress controllers act on; those of a cloud's load balancer stay with the
 * Service.
 */
export function foreignServiceAnnotations(service: WrittenObject): readonly string[] {
  return Object.keys(stringsOf(service.metadata.annotations)).filter(
    (key) => !isInert(key) && !/^service\.(beta|alpha)?\.?kubernetes\.io$/.test(domainOf(key)) && isOfController(key),
  );
}

/**
 * Says what an object is to another controller, where it is routing or policy that has no equivalent here; undefined =
 * it is not.
 */
export function foreignRouting({ apiVersion, kind }: WrittenObject): string | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  if (group === '' || ownGroups.has(group) || /^(apps|batch|autoscaling|policy)$/.test(group)) return undefined;
  if (group.endsWith('.k8s.io') && !/^(gateway\.)?networking\.|policy\.networking/.test(group)) return undefined;
  const known = routingGroups.some((name) => group === name || group.endsWith(`.${name}`));
  return known || routingKinds.test(kind)
    ? `${kind} of ${group} is not served here and has no equivalent: it is printed as it is`
    : undefined;
}

const ownGroups: ReadonlySet<string> = new Set(['gateway.networking.k8s.io', 'networking.x-k8s.io', 'fleetgate.dev']);

const routingGroups: readonly string[] = [
  'istio.io',
  'projectcontour.io',
  'traefik.io',
  'traefik.containo.us',
  'konghq.com',
  'nginx.org',
  'apisix.apache.org',
  'getambassador.io',
  'envoyproxy.io',
  'kgateway.dev',
  'agentgateway.dev',
  'solo.io',
  'haproxy.org',
  'haproxy.com',
  'split.smi-spec.io',
  'networking.gke.io',
  'cloud.google.com',
  'elbv2.k8s.aws',
  'route.openshift.io',
  'voyager.appscode.com',
  'gateway.networking.x-k8s.io',
  'linkerd.io',
];

const routingKinds = new RegExp(
  `(${[
    'Route|Ingress|IngressClass|Gateway|VirtualService|VirtualServer|VirtualHost|HTTPProxy|Mapping|Middleware|Listener',
    'TrafficPolicy|BackendPolicy|SecurityPolicy|AuthorizationPolicy',
  ].join('|')})$`,
);

/** Domains of annotations that no gateway acts on: what tools and people keep for themselves. */
const inert: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io',
  'app.kubernetes.io',
  'helm.sh',
  'meta.helm.sh',
  'argocd.argoproj.io',
  'link.argocd.argoproj.io',
  'kustomize.toolkit.fluxcd.io',
  'helm.toolkit.fluxcd.io',
  'fluxcd.io',
  'external-dns.alpha.kubernetes.io',
  'field.cattle.io',
  'prometheus.io',
  'reloader.stakater.com',
  'gethomepage.dev',
  'fleetgate.dev',
]);

const certificateIssuers = /(^|\.)cert-manager\.io$|(^|\.)certmanager\.k8s\.io$/;

/** Domains of controllers that read annotations of Ingresses or Services; those below them too. */
const controllers: readonly string[] = [
  ...['ingress.kubernetes.io', 'nginx.org', 'nginx.com', 'konghq.com', 'traefik.io', 'traefik.containo.us'],
  ...['haproxy.org', 'haproxy.com', 'haproxy-ingress.github.io', 'apisix.apache.org', 'projectcontour.io'],
  ...['contour.heptio.com', 'getambassador.io', 'networking.gke.io', 'cloud.google.com', 'elbv2.k8s.aws', 'istio.io'],
  ...['openshift.io', 'cilium.io', 'appscode.com', 'citrix.com', 'f5.com', 'tyk.io', 'zalando.org', 'solo.io'],
  ...['azure.com', 'aws.amazon.com', 'ngrok.com', 'pomerium.io', 'easegress.com', 'higress.io', 'alibabacloud.com'],
  ...['vmware.com', 'wallarm.com', 'linkerd.io', 'envoyproxy.io', 'kgateway.dev', 'cloudflare.com', 'strrl.dev'],
  ...['tailscale.com', 'inlets.dev', 'bfe-networks.net', 'enroute.io'],
];

/** Words that say that an annotation is about routing or access, whoever reads it. */
const actingWords = new RegExp(
  [
    'ingress|nginx|proxy|auth|jwt|oidc|oauth|rewrite|redirect|tls|ssl|https?|cors|rate|limit|timeout|retr(y|ies)|allow',
    'deny|whitelist|blacklist|source-?range|backend|upstream|session|sticky|affinity|canary|waf|firewall|load-?balanc',
    'gateway|rout(e|ing)|plugin|middleware|header|snippet|certificate|websocket|grpc|weight|shadow|mirror|method',
  ].join('|'),
  'i',
);

function acts(key: string): boolean {
  if (key === 'kubernetes.io/ingress.class' || key.startsWith('ingressclass.kubernetes.io/')) return false;
  return isOfController(key) || actingWords.test(key);
}

function isOfController(key: string): boolean {
  const domain = domainOf(key);
  const known = controllers.some((name) => domain === name || domain.endsWith(`.${name}`));
  return known || /(^|\.)ingress\.|^alb\.|traefik|haproxy/.test(domain);
}

function isInert(key: string): boolean {
  return inert.has(domainOf(key));
}

/**
 * Gives the part of an annotation's key before the slash; without a slash there is none, and the key is somebody's own.
 */
function domainOf(key: string): string {
  return key.includes('/') ? key.slice(0, key.indexOf('/')) : '';
}
