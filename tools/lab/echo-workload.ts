// What the lab's tests put behind a gateway: a namespace `apps` with the suite's echo server in it, as Service `echo`
// on port 8080.

/**
 * Manifests, to be followed by others. `name` is the Deployment's, which answers tell as the beginning of their pod's.
 */
export function echoWorkload(replicas: number, name = 'echo'): string {
  return `
apiVersion: v1
kind: Namespace
metadata: { name: apps }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: apps }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: echo } }
  template:
    metadata: { labels: { app: echo } }
    spec:
      containers:
        - name: echo
          image: echo-basic
          env:
            - { name: POD_NAME, valueFrom: { fieldRef: { fieldPath: metadata.name } } }
            - { name: NAMESPACE, valueFrom: { fieldRef: { fieldPath: metadata.namespace } } }
---
apiVersion: v1
kind: Service
metadata: { name: echo, namespace: apps }
spec:
  selector: { app: echo }
  ports: [{ name: http, port: 8080, targetPort: 3000 }]
---`;
}
