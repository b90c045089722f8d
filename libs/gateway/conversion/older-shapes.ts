// Lists the fields of older APIs that conversions read, with their types: those of Service APIs 0.1, and of Ingress.
import type { WrittenObject } from './conversion.ts';
import { type Shape, shapeProblems, unreadFields } from './shape.ts';
import { kindInfoOf, type WatchedKind } from '#libs/gateway/kinds.ts';
import { headerValue } from '#libs/gateway/fields/names.ts';
import type { Problem } from '#libs/gateway/problem.ts';

const reference: Shape = { fields: { group: 'text', kind: 'text', name: 'text' } };
const port: Shape = { integer: [1, 65535] };
const weight: Shape = { integer: [0, 1_000_000] };
const texts: Shape = { list: 'text' };
const textMap: Shape = { map: 'text' };
const selector: Shape = {
  fields: {
    matchLabels: textMap,
    matchExpressions: { list: { fields: { key: 'text', operator: 'text', values: texts } } },
  },
};

const parametersRef: Shape = {
  fields: { group: 'text', kind: 'text', name: 'text', namespace: 'text', scope: 'text' },
};

const listener: Shape = {
  fields: {
    hostname: 'hostname',
    port,
    protocol: 'text',
    tls: {
      fields: {
        mode: 'text',
        certificateRef: reference,
        routeOverride: { fields: { certificate: 'text' } },
        options: textMap,
      },
    },
    routes: {
      fields: { group: 'text', kind: 'text', selector, namespaces: { fields: { from: 'text', selector } } },
    },
  },
};

const gateways: Shape = {
  fields: {
    allow: { oneOf: ['All', 'FromList', 'SameNamespace'] },
    gatewayRefs: { list: { fields: { name: 'text', namespace: 'text' } } },
  },
};

const target = { serviceName: 'text', backendRef: reference, port } as const;

const filters: Shape = {
  list: {
    fields: {
      type: { oneOf: ['RequestHeaderModifier', 'RequestMirror', 'ExtensionRef'] },
      requestHeaderModifier: { fields: { add: { map: { text: headerValue } }, remove: texts } },
      requestMirror: { fields: target },
      extensionRef: reference,
    },
  },
};

const httpRule: Shape = {
  fields: {
    matches: {
      list: {
        fields: {
          path: { fields: { type: 'text', value: 'text' } },
          headers: { fields: { type: 'text', values: textMap } },
          extensionRef: reference,
        },
      },
    },
    filters,
    forwardTo: { list: { fields: { ...target, weight, filters } } },
  },
};

const streamRule: Shape = {
  fields: {
    matches: { list: { fields: { snis: { list: 'hostname' }, extensionRef: reference } } },
    forwardTo: { list: { fields: { ...target, weight } } },
  },
};

const streamRoute: Shape = { fields: { gateways, rules: { list: streamRule } } };

const ingressBackend: Shape = {
  fields: {
    service: { fields: { name: 'text', port: { fields: { number: port, name: 'text' } } } },
    resource: { fields: { apiGroup: 'text', kind: 'text', name: 'text' } },
  },
};

const specs: ReadonlyMap<WatchedKind, Shape> = new Map<WatchedKind, Shape>([
  ['GatewayClass.networking.x-k8s.io', { fields: { controller: 'text', parametersRef } }],
  [
    'Gateway.networking.x-k8s.io',
    {
      fields: {
        gatewayClassName: 'text',
        addresses: { list: { fields: { type: 'text', value: 'text' } } },
        listeners: { list: listener },
      },
    },
  ],
  [
    'HTTPRoute.networking.x-k8s.io',
    {
      fields: {
        gateways,
        hostnames: { list: 'hostname' },
        tls: { fields: { certificateRef: reference } },
        rules: { list: httpRule },
      },
    },
  ],
  ['TLSRoute.networking.x-k8s.io', streamRoute],
  ['TCPRoute.networking.x-k8s.io', streamRoute],
  ['UDPRoute.networking.x-k8s.io', streamRoute],
  [
    'BackendPolicy',
    {
      fields: {
        backendRefs: { list: { fields: { group: 'text', kind: 'text', name: 'text', port } } },
        tls: { fields: { certificateAuthorityRef: reference, options: textMap } },
      },
    },
  ],
  [
    'Ingress',
    {
      fields: {
        ingressClassName: 'text',
        defaultBackend: ingressBackend,
        tls: { list: { fields: { hosts: { list: 'hostname' }, secretName: 'text' } } },
        rules: {
          list: {
            fields: {
              host: 'hostname',
              http: {
                fields: { paths: { list: { fields: { path: 'text', pathType: 'text', backend: ingressBackend } } } },
              },
            },
          },
        },
      },
    },
  ],
  [
    'IngressClass',
    {
      fields: {
        controller: 'text',
        parameters: {
          fields: { apiGroup: 'text', kind: 'text', name: 'text', namespace: 'text', scope: 'text' },
        },
      },
    },
  ],
]);

/** Gives the fields of an object of an older API that are of the wrong type. */
export function olderProblems(object: WrittenObject): readonly Problem[] {
  const kind = kindInfoOf(object)?.kind;
  const shape = kind === undefined ? undefined : specs.get(kind);
  if (shape === undefined) return [];
  const { spec } = object;
  return spec === undefined || spec === null
    ? [{ path: 'spec', message: 'is missing' }]
    : shapeProblems(spec, 'spec', shape);
}

/** Gives the paths of what an object of an older API holds and no conversion reads. */
export function olderUnread(object: WrittenObject): readonly string[] {
  const kind = kindInfoOf(object)?.kind;
  const shape = kind === undefined ? undefined : specs.get(kind);
  return shape === undefined ? [] : unreadFields(object['spec'], 'spec', shape);
}
