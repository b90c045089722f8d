// Holds the names of all fields of the kinds that Fleetgate reads, as their schemas have them:
// Gateway API v1.6.3 and v1.7.0 (experimental), Service APIs v0.1.0, Kubernetes by its client. Made by
// tools/known-fields.ts. A line begins with version and kind; braces follow a name whose own fields are known. All
// share the metadata.
export const knownFields = `
metadata { annotations creationTimestamp deletionGracePeriodSeconds deletionTimestamp finalizers generateName
  generation labels managedFields { apiVersion fieldsType fieldsV1 manager operation subresource time } name namespace
  ownerReferences { apiVersion blockOwnerDeletion controller kind name uid } resourceVersion selfLink uid }
certificates.k8s.io/v1 ClusterTrustBundle { apiVersion kind metadata spec { signerName trustBundle } status }
certificates.k8s.io/v1beta1 ClusterTrustBundle { apiVersion kind metadata spec { signerName trustBundle } status }
discovery.k8s.io/v1 EndpointSlice { addressType apiVersion endpoints { addresses conditions { ready serving
  terminating } deprecatedTopology hints { forNodes { name } forZones { name } } hostname nodeName targetRef {
  apiVersion fieldPath kind name namespace resourceVersion uid } zone } kind metadata ports { appProtocol name port
  protocol } status }
gateway.networking.k8s.io/v1 BackendTLSPolicy { apiVersion kind metadata spec { options targetRefs { group kind name
  sectionName } validation { caCertificateRefs { group kind name } hostname subjectAltNames { hostname type uri }
  wellKnownCACertificates } } status }
gateway.networking.k8s.io/v1 GRPCRoute { apiVersion kind metadata spec { hostnames parentRefs { group kind name
  namespace port sectionName } rules { backendRefs { filters { extensionRef { group kind name } requestHeaderModifier
  { add { name value } remove set { name value } } requestMirror { backendRef { group kind name namespace port }
  fraction { denominator numerator } percent } responseHeaderModifier { add { name value } remove set { name value } }
  type } group kind name namespace port weight } filters { extensionRef { group kind name } requestHeaderModifier {
  add { name value } remove set { name value } } requestMirror { backendRef { group kind name namespace port }
  fraction { denominator numerator } percent } responseHeaderModifier { add { name value } remove set { name value } }
  type } matches { headers { name type value } method { method service type } } name sessionPersistence {
  absoluteTimeout cookie { lifetimeType name path } cookieConfig { lifetimeType } header { name } sessionName type } }
  useDefaultGateways } status }
gateway.networking.k8s.io/v1 Gateway { apiVersion kind metadata spec { addresses { routability type value }
  allowedListeners { namespaces { from selector { matchExpressions { key operator values } matchLabels } } }
  defaultScope gatewayClassName infrastructure { annotations labels parametersRef { group kind name } } listeners {
  allowedRoutes { kinds { group kind } namespaces { from selector { matchExpressions { key operator values }
  matchLabels } } } filters { requests { extensionRef { group kind name } externalAuth { backendRef { group kind name
  namespace port } forwardBody { maxSize } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path }
  protocol } type } } hostname name port protocol tls { certificateRefs { group kind name namespace } mode options } }
  tls { backend { clientCertificateRef { group kind name namespace } } frontend { default { validation {
  caCertificateRefs { group kind name namespace } mode } } perPort { port tls { validation { caCertificateRefs { group
  kind name namespace } mode } } } } } } status }
gateway.networking.k8s.io/v1 GatewayClass { apiVersion kind metadata spec { controllerName description parametersRef {
  group kind name namespace } } status }
gateway.networking.k8s.io/v1 HTTPRoute { apiVersion kind metadata spec { hostnames parentRefs { group kind name
  namespace port sectionName } rules { backendRefs { filters { cors { allowCredentials allowHeaders allowMethods
  allowOrigins exposeHeaders maxAge } extensionRef { group kind name } externalAuth { backendRef { group kind name
  namespace port } forwardBody { maxSize } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path }
  protocol } requestHeaderModifier { add { name value } remove set { name value } } requestMirror { backendRef { group
  kind name namespace port } fraction { denominator numerator } percent } requestRedirect { hostname path {
  replaceFullPath replacePrefixMatch type } port scheme statusCode } responseHeaderModifier { add { name value }
  remove set { name value } } type urlRewrite { hostname path { replaceFullPath replacePrefixMatch type } } } group
  kind name namespace port weight } filters { cors { allowCredentials allowHeaders allowMethods allowOrigins
  exposeHeaders maxAge } extensionRef { group kind name } externalAuth { backendRef { group kind name namespace port }
  forwardBody { maxSize } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path } protocol }
  requestHeaderModifier { add { name value } remove set { name value } } requestMirror { backendRef { group kind name
  namespace port } fraction { denominator numerator } percent } requestRedirect { hostname path { replaceFullPath
  replacePrefixMatch type } port scheme statusCode } responseHeaderModifier { add { name value } remove set { name
  value } } type urlRewrite { hostname path { replaceFullPath replacePrefixMatch type } } } matches { headers { name
  type value } method path { type value } queryParams { name type value } } name retry { attempts backoff codes }
  sessionPersistence { absoluteTimeout cookie { lifetimeType name path } cookieConfig { lifetimeType } header { name }
  sessionName type } timeouts { backendRequest request } } useDefaultGateways } status }
gateway.networking.k8s.io/v1 ListenerSet { apiVersion kind metadata spec { listeners { allowedRoutes { kinds { group
  kind } namespaces { from selector { matchExpressions { key operator values } matchLabels } } } filters { requests {
  extensionRef { group kind name } externalAuth { backendRef { group kind name namespace port } forwardBody { maxSize
  } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path } protocol } type } } hostname name port
  protocol tls { certificateRefs { group kind name namespace } mode options } } parentRef { group kind name namespace
  } } status }
gateway.networking.k8s.io/v1 ReferenceGrant { apiVersion kind metadata spec { from { group kind namespace } to { group
  kind name } } status }
gateway.networking.k8s.io/v1 TCPRoute { apiVersion kind metadata spec { parentRefs { group kind name namespace port
  sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways } status }
gateway.networking.k8s.io/v1 TLSRoute { apiVersion kind metadata spec { hostnames parentRefs { group kind name
  namespace port sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways
  } status }
gateway.networking.k8s.io/v1 UDPRoute { apiVersion kind metadata spec { parentRefs { group kind name namespace port
  sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways } status }
gateway.networking.k8s.io/v1alpha2 TCPRoute { apiVersion kind metadata spec { parentRefs { group kind name namespace
  port sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways } status
  }
gateway.networking.k8s.io/v1alpha2 TLSRoute { apiVersion kind metadata spec { hostnames parentRefs { group kind name
  namespace port sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways
  } status }
gateway.networking.k8s.io/v1alpha2 UDPRoute { apiVersion kind metadata spec { parentRefs { group kind name namespace
  port sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways } status
  }
gateway.networking.k8s.io/v1alpha3 BackendTLSPolicy { apiVersion kind metadata spec { options targetRefs { group kind
  name sectionName } validation { caCertificateRefs { group kind name } hostname subjectAltNames { hostname type uri }
  wellKnownCACertificates } } status }
gateway.networking.k8s.io/v1alpha3 TLSRoute { apiVersion kind metadata spec { hostnames parentRefs { group kind name
  namespace port sectionName } rules { backendRefs { group kind name namespace port weight } name } useDefaultGateways
  } status }
gateway.networking.k8s.io/v1beta1 Gateway { apiVersion kind metadata spec { addresses { routability type value }
  allowedListeners { namespaces { from selector { matchExpressions { key operator values } matchLabels } } }
  defaultScope gatewayClassName infrastructure { annotations labels parametersRef { group kind name } } listeners {
  allowedRoutes { kinds { group kind } namespaces { from selector { matchExpressions { key operator values }
  matchLabels } } } filters { requests { extensionRef { group kind name } externalAuth { backendRef { group kind name
  namespace port } forwardBody { maxSize } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path }
  protocol } type } } hostname name port protocol tls { certificateRefs { group kind name namespace } mode options } }
  tls { backend { clientCertificateRef { group kind name namespace } } frontend { default { validation {
  caCertificateRefs { group kind name namespace } mode } } perPort { port tls { validation { caCertificateRefs { group
  kind name namespace } mode } } } } } } status }
gateway.networking.k8s.io/v1beta1 GatewayClass { apiVersion kind metadata spec { controllerName description
  parametersRef { group kind name namespace } } status }
gateway.networking.k8s.io/v1beta1 HTTPRoute { apiVersion kind metadata spec { hostnames parentRefs { group kind name
  namespace port sectionName } rules { backendRefs { filters { cors { allowCredentials allowHeaders allowMethods
  allowOrigins exposeHeaders maxAge } extensionRef { group kind name } externalAuth { backendRef { group kind name
  namespace port } forwardBody { maxSize } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path }
  protocol } requestHeaderModifier { add { name value } remove set { name value } } requestMirror { backendRef { group
  kind name namespace port } fraction { denominator numerator } percent } requestRedirect { hostname path {
  replaceFullPath replacePrefixMatch type } port scheme statusCode } responseHeaderModifier { add { name value }
  remove set { name value } } type urlRewrite { hostname path { replaceFullPath replacePrefixMatch type } } } group
  kind name namespace port weight } filters { cors { allowCredentials allowHeaders allowMethods allowOrigins
  exposeHeaders maxAge } extensionRef { group kind name } externalAuth { backendRef { group kind name namespace port }
  forwardBody { maxSize } grpc { allowedHeaders } http { allowedHeaders allowedResponseHeaders path } protocol }
  requestHeaderModifier { add { name value } remove set { name value } } requestMirror { backendRef { group kind name
  namespace port } fraction { denominator numerator } percent } requestRedirect { hostname path { replaceFullPath
  replacePrefixMatch type } port scheme statusCode } responseHeaderModifier { add { name value } remove set { name
  value } } type urlRewrite { hostname path { replaceFullPath replacePrefixMatch type } } } matches { headers { name
  type value } method path { type value } queryParams { name type value } } name retry { attempts backoff codes }
  sessionPersistence { absoluteTimeout cookie { lifetimeType name path } cookieConfig { lifetimeType } header { name }
  sessionName type } timeouts { backendRequest request } } useDefaultGateways } status }
gateway.networking.k8s.io/v1beta1 ReferenceGrant { apiVersion kind metadata spec { from { group kind namespace } to {
  group kind name } } status }
networking.k8s.io/v1 Ingress { apiVersion kind metadata spec { defaultBackend { resource { apiGroup kind name }
  service { name port { name number } } } ingressClassName rules { host http { paths { backend { resource { apiGroup
  kind name } service { name port { name number } } } path pathType } } } tls { hosts secretName } } status }
networking.k8s.io/v1 IngressClass { apiVersion kind metadata spec { controller parameters { apiGroup kind name
  namespace scope } } status }
networking.x-k8s.io/v1alpha1 BackendPolicy { apiVersion kind metadata spec { backendRefs { group kind name port } tls
  { certificateAuthorityRef { group kind name } options } } status }
networking.x-k8s.io/v1alpha1 Gateway { apiVersion kind metadata spec { addresses { type value } gatewayClassName
  listeners { hostname port protocol routes { group kind namespaces { from selector { matchExpressions { key operator
  values } matchLabels } } selector { matchExpressions { key operator values } matchLabels } } tls { certificateRef {
  group kind name } mode options routeOverride { certificate } } } } status }
networking.x-k8s.io/v1alpha1 GatewayClass { apiVersion kind metadata spec { controller parametersRef { group kind name
  } } status }
networking.x-k8s.io/v1alpha1 HTTPRoute { apiVersion kind metadata spec { gateways { allow gatewayRefs { name namespace
  } } hostnames rules { filters { extensionRef { group kind name } requestHeaderModifier { add remove } requestMirror
  { backendRef { group kind name } port serviceName } type } forwardTo { backendRef { group kind name } filters {
  extensionRef { group kind name } requestHeaderModifier { add remove } requestMirror { backendRef { group kind name }
  port serviceName } type } port serviceName weight } matches { extensionRef { group kind name } headers { type values
  } path { type value } } } tls { certificateRef { group kind name } } } status }
networking.x-k8s.io/v1alpha1 TCPRoute { apiVersion kind metadata spec { gateways { allow gatewayRefs { name namespace
  } } rules { forwardTo { backendRef { group kind name } port serviceName weight } matches { extensionRef { group kind
  name } } } } status }
networking.x-k8s.io/v1alpha1 TLSRoute { apiVersion kind metadata spec { gateways { allow gatewayRefs { name namespace
  } } rules { forwardTo { backendRef { group kind name } port serviceName weight } matches { extensionRef { group kind
  name } snis } } } status }
networking.x-k8s.io/v1alpha1 UDPRoute { apiVersion kind metadata spec { gateways { allow gatewayRefs { name namespace
  } } rules { forwardTo { backendRef { group kind name } port serviceName weight } matches { extensionRef { group kind
  name } } } } status }
v1 ConfigMap { apiVersion binaryData data immutable kind metadata status }
v1 Namespace { apiVersion kind metadata spec { finalizers } status }
v1 Secret { apiVersion data immutable kind metadata status stringData type }
v1 Service { apiVersion kind metadata spec { allocateLoadBalancerNodePorts clusterIP clusterIPs externalIPs
  externalName externalTrafficPolicy healthCheckNodePort internalTrafficPolicy ipFamilies ipFamilyPolicy
  loadBalancerClass loadBalancerIP loadBalancerSourceRanges ports { appProtocol name nodePort port protocol targetPort
  } publishNotReadyAddresses selector sessionAffinity sessionAffinityConfig { clientIP { timeoutSeconds } }
  trafficDistribution type } status }
`;
