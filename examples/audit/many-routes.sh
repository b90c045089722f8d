# Prints six hundred routes, each with a hostname of its own.
for n in $(seq 600); do
  cat <<MANIFEST
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: many-$n, namespace: shop }
spec:
  parentRefs: [{ name: shared, namespace: platform }]
  hostnames: [many-$n.eu.storefront.example]
  rules: [{ backendRefs: [{ name: cart, port: 80 }] }]
MANIFEST
done
