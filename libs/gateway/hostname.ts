// Matches, intersects and orders the hostnames of listeners and routes. They are in lower case; '*' = any host;
// '*.example.com' = one or more labels before the suffix.

import { compareText } from './compare-text.ts';
/** Tells whether a request's host (lower case, no port) falls under a pattern. */
export function hostnameMatches(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  if (!pattern.startsWith('*.')) return pattern === host;
  return host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1;
}

/** Gives the hostname that two patterns have in common (always the narrower one), or undefined. */
export function intersectHostnames(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  if (covers(b, a)) return a;
  return undefined;
}

/**
 * Orders patterns most specific first: exact, then wildcards by length (longest first), then '*'; equal ones by text.
 */
export function compareHostnameSpecificity(a: string, b: string): number {
  if (a === b) return 0;
  return rank(a) - rank(b) || b.length - a.length || compareText(a, b);
}

function covers(wide: string, narrow: string): boolean {
  if (wide === '*' || wide === narrow) return true;
  return wide.startsWith('*.') && narrow !== '*' && hostnameMatches(wide, narrow);
}

function rank(pattern: string): number {
  if (pattern === '*') return 2;
  return pattern.startsWith('*.') ? 1 : 0;
}
