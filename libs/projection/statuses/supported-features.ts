// Lists what of the Gateway API is supported, as GatewayClass.status lists it and the conformance tests name it. A
// feature is claimed where it can be had: some names came or went with a version of the CRDs, some fields are in the
// experimental channel only, and some features need an API that a cluster may lack.
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import { isFromRelease, scopesIn, type ServedApi } from '#libs/gateway/objects/served-api.ts';

/** Says whether a cluster has what a feature needs. */
type Need = (api: ServedApi) => boolean;

/**
 * Of every feature: its name in pkg/features of the Gateway API, and all that it needs; a feature is one line. Sorted
 * by name, as the API demands of the status.
 */
const features: readonly (readonly [name: string, ...needs: Need[]])[] = [
  ['BackendTLSPolicy', serves('BackendTLSPolicy')],
  ['BackendTLSPolicySANValidation', serves('BackendTLSPolicy')],
  ['ClusterTrustBundle', from('1.7'), surelyServes('ClusterTrustBundle')],
  ['GRPCRoute', serves('GRPCRoute')],
  ['GRPCRouteNamedRouteRule', serves('GRPCRoute')],
  ['GRPCRouteRequestHeaderModifier', serves('GRPCRoute'), from('1.7')],
  ['Gateway'],
  ['GatewayAddressEmpty'],
  ['GatewayAddressRoutability', (api) => scopesIn(api) !== 'none'],
  ['GatewayAddressRoutabilityCluster', (api) => scopesIn(api) === 'cluster'],
  ['GatewayBackendClientCertificate'],
  ['GatewayFrontendClientCertificateValidation'],
  ['GatewayFrontendClientCertificateValidationInsecureFallback'],
  ['GatewayHTTPListenerIsolation'],
  ['GatewayHTTPSListenerDetectMisdirectedRequests'],
  ['GatewayInfrastructure'],
  ['GatewayListenerFilters', from('1.7'), experimental],
  ['GatewayPort8080'],
  ['GatewayRouteHostnameIntersectionPrecedence', from('1.7')],
  ['GatewayStaticAddresses'],
  ['HTTPRoute'],
  ['HTTPRoute303RedirectStatusCode'],
  ['HTTPRoute307RedirectStatusCode'],
  ['HTTPRoute308RedirectStatusCode'],
  ['HTTPRouteBackendProtocolH2C'],
  ['HTTPRouteBackendProtocolWebSocket'],
  ['HTTPRouteBackendRequestHeaderModification'],
  ['HTTPRouteBackendTimeout'],
  ['HTTPRouteBackendURLRewrite', from('1.7')],
  ['HTTPRouteCORS'],
  ['HTTPRouteDestinationPortMatching'],
  ['HTTPRouteHostRewrite'],
  ['HTTPRouteMethodMatching'],
  ['HTTPRouteNamedRouteRule'],
  ['HTTPRouteParentRefPort'],
  ['HTTPRoutePathRedirect'],
  ['HTTPRoutePathRewrite'],
  ['HTTPRoutePortRedirect'],
  ['HTTPRouteQueryParamMatching'],
  ['HTTPRouteRequestMirror'],
  ['HTTPRouteRequestMultipleMirrors'],
  ['HTTPRouteRequestPercentageMirror'],
  ['HTTPRouteRequestTimeout'],
  ['HTTPRouteResponseHeaderModification'],
  ['HTTPRouteRetry', before('1.7'), experimental],
  ['HTTPRouteRetryBackendTimeout', before('1.7'), experimental],
  ['HTTPRouteRetryCodes', from('1.7')],
  ['HTTPRouteRetryConnectionError', either(from('1.7'), experimental)],
  ['HTTPRouteSchemeRedirect'],
  ['ListenerSet', serves('ListenerSet')],
  ['ReferenceGrant', serves('ReferenceGrant')],
  ['TCPRoute', serves('TCPRoute')],
  ['TLSRoute', serves('TLSRoute')],
  ['TLSRouteModeMixed', serves('TLSRoute')],
  ['TLSRouteModeTerminate', serves('TLSRoute')],
  ['UDPRoute', serves('UDPRoute')],
];

/** Gives the names that a GatewayClass claims in a cluster that serves this. At most 64, which is the API's limit. */
export function supportedFeatures(api: ServedApi): readonly string[] {
  return features.filter(([, ...needs]) => needs.every((need) => need(api))).map(([name]) => name);
}

/** Needs the CRDs of a version (`1.7`, with its release candidates) or a later one. Unknown ones are older. */
function from(version: string): Need {
  return (api) => isFromRelease(api, version);
}

/** Needs CRDs that are older than a version. */
function before(version: string): Need {
  const isFrom = from(version);
  return (api) => !isFrom(api);
}

/** Needs fields of the experimental channel. What is not known to be standard has them. */
function experimental({ channel }: ServedApi): boolean {
  return channel !== 'standard';
}

/** Needs a kind of the table of watched kinds. What nobody told is there. */
function serves(kind: WatchedKind): Need {
  return ({ kinds }) => kinds?.includes(kind) ?? true;
}

/** Needs a kind that few clusters have. What nobody told is not there. */
function surelyServes(kind: WatchedKind): Need {
  return ({ kinds }) => kinds?.includes(kind) ?? false;
}

function either(...needs: readonly Need[]): Need {
  return (api) => needs.some((need) => need(api));
}
