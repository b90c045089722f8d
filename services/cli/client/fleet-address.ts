// Finds the fleet that a command talks to: that of FLEETGATE_URL with FLEETGATE_TOKEN, else the `up` that runs on this
// machine.
import { join } from 'node:path';
import { fail } from '#libs/runtime/errors.ts';
import { findLocalFleets } from '../local/local-fleet.ts';
import { type UpRecord, openDataFolder, readUpRecord } from '../local/data-folder.ts';
import { readSecrets } from '../local/secrets.ts';

export interface FleetAddress {
  readonly url: string;
  readonly token: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Finds the address and the token. Throws FleetgateError 'config' or 'control-unreachable' that say what to set or
 * start.
 */
export async function findFleet(env: Env, data?: string): Promise<FleetAddress> {
  const url = env['FLEETGATE_URL'];
  if (url !== undefined && url !== '' && data === undefined) {
    if (URL.parse(url)?.host.includes(',') !== false) throw fail('config', `FLEETGATE_URL "${url}" is no URL`);
    return { url: url.replace(/\/+$/u, ''), token: env['FLEETGATE_TOKEN'] ?? (await localToken(env, url)) };
  }
  const record = data === undefined ? await onlyLocalFleet(env) : fleetOfFolder(data);
  return { url: record.url, token: env['FLEETGATE_TOKEN'] ?? tokenOf(record) };
}

/** Finds the token of the local `up` that FLEETGATE_URL names, if it names one. */
async function localToken(env: Env, url: string): Promise<string> {
  const record = (await findLocalFleets(env)).find((fleet) => fleet.url === url.replace(/\/+$/u, ''));
  if (record !== undefined) return tokenOf(record);
  throw fail('config', 'FLEETGATE_URL is set and FLEETGATE_TOKEN is not', {
    hint: 'Set FLEETGATE_TOKEN; `fleetgate token create` makes one.',
  });
}

async function onlyLocalFleet(env: Env): Promise<UpRecord> {
  const [first, ...others] = await findLocalFleets(env);
  if (first === undefined) {
    throw fail('control-unreachable', 'no `fleetgate up` runs on this machine', {
      hint:
        'Start one (npm run demo, or npx fleetgate up --cluster NAME=DIR), ' +
        'or set FLEETGATE_URL and FLEETGATE_TOKEN.',
    });
  }
  if (others.length === 0) return first;
  const list = [first, ...others].map(({ url, data }) => `\n  FLEETGATE_URL=${url}   (${data})`).join('');
  throw fail('config', `several \`fleetgate up\` run on this machine:${list}`, {
    hint: 'Choose one by setting FLEETGATE_URL; its token is found.',
  });
}

function fleetOfFolder(data: string): UpRecord {
  const record = readUpRecord(join(data, 'up.json'));
  if (record === undefined) throw fail('control-unreachable', `no \`fleetgate up\` holds ${data}`);
  return record;
}

function tokenOf(record: UpRecord): string {
  return readSecrets(openDataFolder(record.data).secrets).adminToken;
}
