// Knows the storefront, the example of the checkout: where it lies, which clusters it has, and what to try on it. Pure.
import { join, resolve } from 'node:path';

/** The folder of this checkout. */
export const checkout = resolve(import.meta.dirname, '../../..');
/** The folder of the example. */
export const storefront = join(checkout, 'examples', 'storefront');

/** Gives the clusters of the example as `--cluster` takes them. */
export function demoClusters(): readonly string[] {
  return ['eu', 'us'].map((name) => `${name}=${join(storefront, name)}`);
}

/** Writes requests to try, for a node whose ports are reached at `host`, moved by an offset. */
export function demoSteps(host: string, portOffset: number): readonly string[] {
  const http = `http://${host}:${80 + portOffset}`;
  const tls = 443 + portOffset;
  return [
    '',
    `    curl -H 'Host: shop.eu.storefront.example' ${http}/catalog/shoes`,
    `    curl -H 'Host: pay.us.storefront.example' -H 'x-canary: always' ${http}/`,
    `    curl --cacert examples/storefront/demo-ca.pem --resolve shop.eu.storefront.example:${tls}:${host} \\`,
    `         https://shop.eu.storefront.example:${tls}/cart`,
    '    npx fleetgate snapshots eu/platform/shared',
  ];
}
