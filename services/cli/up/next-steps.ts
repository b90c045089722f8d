// Says what to do with a fleet that is ready: where it is, how to look at it, and for the demo what to try. Pure.
import { apiPrefix } from '#libs/api/endpoint.ts';
import { demoSteps } from '../demo/storefront.ts';
import { hostOf } from './ports.ts';
import type { FleetSecrets } from '../local/secrets.ts';
import type { ReportForm } from './report.ts';
import type { UpSettings } from './settings.ts';

export interface ListenerUrl {
  readonly gateway: string;
  readonly name: string;
  readonly url: string;
}

interface ReadyFleet {
  readonly settings: UpSettings;
  readonly url: string;
  readonly secrets: FleetSecrets;
  readonly firstStart: boolean;
  readonly form: ReportForm;
  readonly listeners: readonly ListenerUrl[];
}

/**
 * Writes lines for people. The admin's token is in them on the first start only, and in a terminal only: what goes
 * elsewhere is kept as a log.
 */
export function nextSteps(fleet: ReadyFleet): readonly string[] {
  const { settings, url, secrets, firstStart, form, listeners } = fleet;
  const ports = [...new Set(listeners.map((listener) => new URL(listener.url).origin))].toSorted();
  return [
    `  API        ${url}${apiPrefix}     metrics ${url}/metrics`,
    ...(ports.length === 0 ? [] : [`  listeners  ${ports.join('  ')}`]),
    firstStart && form === 'terminal'
      ? `  token      ${secrets.adminToken}   (admin; kept in ${settings.data}/secrets.json)`
      : `  token      in ${settings.data}/secrets.json`,
    `  logs       ${settings.data}/logs`,
    '',
    '  In another terminal:  npx fleetgate status',
    ...(settings.demo ? demoSteps(hostOf(settings.bind), settings.portOffset) : []),
    '',
    '  Ctrl-C stops everything; the state stays.',
    '',
  ];
}
