// Holds the one table of what is a route: a row says how objects of a kind are read into one of the two forms that are
// served.
import {
  parseConvertedHttp,
  parseConvertedTcp,
  parseConvertedTls,
  parseConvertedUdp,
} from '#libs/gateway/conversion/converted-route.ts';
import { parseGrpcRoute } from '#libs/gateway/objects/grpc-route.ts';
import { parseHttpRoute } from '#libs/gateway/objects/http-route.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { RouteSpec } from '#libs/gateway/objects/route-spec.ts';
import { parseTcpRoute, parseTlsRoute, parseUdpRoute } from '#libs/gateway/objects/stream-route.ts';

interface RouteKindRow {
  /** Name of the kind in entries, keys and statuses, too. */
  readonly kind: WatchedKind;
  /** Whatever an object holds, this gives a value. A conversion gives the parents that it finds. */
  readonly parse: (object: KubeObject, namespace: string) => RouteSpec;
  /** The kind that listeners must allow, where it is another. */
  readonly attachesAs?: string;
  /** 'parents': `status.parents` of the Gateway API. 'none': another stage writes the status, if there is any. */
  readonly status: 'parents' | 'none';
}

export const routeKinds: readonly RouteKindRow[] = [
  { kind: 'HTTPRoute', parse: parseHttpRoute, status: 'parents' },
  { kind: 'GRPCRoute', parse: parseGrpcRoute, status: 'parents' },
  { kind: 'TLSRoute', parse: parseTlsRoute, status: 'parents' },
  { kind: 'TCPRoute', parse: parseTcpRoute, status: 'parents' },
  { kind: 'UDPRoute', parse: parseUdpRoute, status: 'parents' },
  // Of these the objects hold what they were converted to, and the status is converted back.
  { kind: 'Ingress', parse: parseConvertedHttp, attachesAs: 'HTTPRoute', status: 'parents' },
  { kind: 'HTTPRoute.networking.x-k8s.io', parse: parseConvertedHttp, attachesAs: 'HTTPRoute', status: 'parents' },
  { kind: 'TLSRoute.networking.x-k8s.io', parse: parseConvertedTls, attachesAs: 'TLSRoute', status: 'parents' },
  { kind: 'TCPRoute.networking.x-k8s.io', parse: parseConvertedTcp, attachesAs: 'TCPRoute', status: 'parents' },
  { kind: 'UDPRoute.networking.x-k8s.io', parse: parseConvertedUdp, attachesAs: 'UDPRoute', status: 'parents' },
];

const byKind: ReadonlyMap<string, RouteKindRow> = new Map(routeKinds.map((row) => [row.kind, row]));

/** Finds the row of a kind, or undefined for what is no route. */
export function routeKind(kind: string): RouteKindRow | undefined {
  return byKind.get(kind);
}
