// Finds the place in the history that a person means: a time, how long ago, the number of an event, or a version.
import { readTime } from '../names/typed-time.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { findGateway } from '../client/gateway-by-name.ts';

/** How a place is named in arguments and options. */
export const placeForm = "2026-01-31T09:30:00Z, how long ago: 15m, 2h, 3d, an event: '#12345', a version: GATEWAY@17";

/** Writes the place as the API takes it. Throws FleetgateError 'config' or 'not-found'. */
export async function findPlace(client: FleetClient, option: string, text: string): Promise<string> {
  const [, seq] = /^#?(\d{1,18})$/.exec(text) ?? [];
  if (seq !== undefined) return `#${seq}`;
  const [, gateway, version] = /^(.+)@(\d{1,9})$/.exec(text) ?? [];
  if (gateway !== undefined && version !== undefined) return `${await findGateway(client, gateway, 'ever')}@${version}`;
  return readTime(option, text, new Date()).toISOString();
}
