// Chooses ports for the parts of `up`, and writes the addresses at which they are reached.
import { tryPort } from '#libs/runtime/ports.ts';

/**
 * Gives the wanted port where nobody listens on it, else any free one; 0 = any. Another process may still take it
 * first.
 */
export async function choosePort(host: string, wanted: number): Promise<number> {
  return (await tryPort(host, wanted)) ?? (await tryPort(host, 0)) ?? wanted;
}

/**
 * Writes the host of what is bound to an address as a local client does: loopback for any address, IPv6 in brackets.
 */
export function hostOf(bind: string): string {
  if (bind === '0.0.0.0' || bind === '::') return '127.0.0.1';
  return bind.includes(':') ? `[${bind}]` : bind;
}
