// Chooses ports for the parts of `up`, and writes the addresses at which they are reached.
import { randomInt } from 'node:crypto';
import { tryPort } from '#libs/runtime/ports.ts';

/** Below the ports that systems hand out for outgoing connections, which take any that is free at the moment. */
const quietPorts = { min: 20_000, max: 32_000, tries: 50 };

/**
 * Gives the wanted port where nobody listens on it, else one that is free and that the system hands to nobody; 0 = any
 * such one. Another process that listens may still take it first.
 */
export async function choosePort(host: string, wanted: number): Promise<number> {
  if (wanted > 0 && (await tryPort(host, wanted)) !== undefined) return wanted;
  for (let tried = 0; tried < quietPorts.tries; tried += 1) {
    const port = randomInt(quietPorts.min, quietPorts.max);
    if ((await tryPort(host, port)) !== undefined) return port;
  }
  return (await tryPort(host, 0)) ?? wanted;
}

/**
 * Writes the host of what is bound to an address as a local client does: loopback for any address, IPv6 in brackets.
 */
export function hostOf(bind: string): string {
  if (bind === '0.0.0.0' || bind === '::') return '127.0.0.1';
  return bind.includes(':') ? `[${bind}]` : bind;
}
