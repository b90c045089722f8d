// What to do with a fleet that is ready: where it is, how to look at it, and for the demo what to try. Pure.
import { hostOf } from './ports.ts';
import type { FleetSecrets } from './secrets.ts';
import type { UpSettings } from './settings.ts';

export interface ListenerUrl {
  readonly gateway: string;
  readonly name: string;
  readonly url: string;
}

export interface ReadyFleet {
  readonly settings: UpSettings;
  readonly url: string;
  readonly secrets: FleetSecrets;
  readonly firstStart: boolean;
  readonly listeners: readonly ListenerUrl[];
}

/** Lines for people. The admin's token is in them on the first start only. */
export function nextSteps(fleet: ReadyFleet): readonly string[] {
  const { settings, url, secrets, firstStart, listeners } = fleet;
  const ports = [...new Set(listeners.map((listener) => new URL(listener.url).origin))].toSorted();
  return [
    `  API        ${url}/api/v1     metrics ${url}/metrics`,
    ...(ports.length === 0 ? [] : [`  listeners  ${ports.join('  ')}`]),
    firstStart
      ? `  token      ${secrets.adminToken}   (admin; kept in ${settings.data}/secrets.json)`
      : `  token      in ${settings.data}/secrets.json`,
    `  logs       ${settings.data}/logs`,
    '',
    '  In another terminal:  npx fleetgate status',
    ...(settings.demo ? demoSteps(settings) : []),
    '',
    '  Ctrl-C stops everything; the state stays.',
    '',
  ];
}

function demoSteps({ portOffset, bind }: UpSettings): readonly string[] {
  const host = hostOf(bind);
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
