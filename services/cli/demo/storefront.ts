// Knows the storefront, the example that Fleetgate brings: where it lies, which clusters it has, and what to try on it.
// Pure.
import { dirname, extname, join, resolve } from 'node:path';

const tree = resolve(import.meta.dirname, '../../..');
/** Tells an installed package, whose modules are built in dist/ (tools/pack.ts), from a checkout. */
export const isInstalled = extname(import.meta.filename) === '.js';
/** The folder of this package or checkout. */
export const packageFolder = isInstalled ? dirname(tree) : tree;
/** The folder of the example. */
export const storefront = join(packageFolder, 'examples', 'storefront');

/** Gives the clusters of the example as `--cluster` takes them. */
export function demoClusters(): readonly string[] {
  return ['eu', 'us'].map((name) => `${name}=${join(storefront, name)}`);
}

/** Writes requests to try, for a node whose ports are reached at `host`, moved by an offset. */
export function demoSteps(host: string, portOffset: number): readonly string[] {
  const http = `http://${host}:${80 + portOffset}`;
  const tls = 443 + portOffset;
  const certificate = isInstalled ? join(storefront, 'demo-ca.pem') : 'examples/storefront/demo-ca.pem';
  return [
    '',
    `    curl -H 'Host: shop.eu.storefront.example' ${http}/catalog/shoes`,
    `    curl -H 'Host: pay.us.storefront.example' -H 'x-canary: always' ${http}/`,
    `    curl --cacert ${certificate} --resolve shop.eu.storefront.example:${tls}:${host} \\`,
    `         https://shop.eu.storefront.example:${tls}/cart`,
    '    npx fleetgate snapshots eu/platform/shared',
  ];
}
