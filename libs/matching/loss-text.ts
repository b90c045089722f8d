// Writes losses and matches in words.
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';
import type { Loser, Precedence } from './explain.ts';
import type { Lack } from './predicate.ts';

const whys: Readonly<Record<Precedence, string>> = {
  'narrower hostname': 'it has a more specific hostname',
  'path type': 'of paths, Exact comes before RegularExpression before PathPrefix',
  'longer path': 'its path is longer',
  method: 'it names the method',
  headers: 'it names more headers',
  query: 'it names more query parameters',
  'older route': 'its route is older',
  name: 'its route comes first by name',
  order: 'it stands first in the route',
};

/** Says why a match does not answer, as a sentence without a full stop. */
export function lossText({ rule, match, loss }: Loser): string {
  if (loss.by === 'request') {
    const wanted = rule.entry.matches[match];
    return wanted === undefined || loss.lacks.length === 0
      ? 'requests do not get as far as this rule'
      : loss.lacks.map((lack) => lackText(lack, wanted)).join('; ');
  }
  if (loss.by === 'hostname') return `it is for ${loss.hostnames.join(', ')}`;
  if (loss.by === 'listener') {
    return loss.taken === undefined
      ? `requests do not get as far as its listener (hostname ${loss.hostname})`
      : `its listener is for ${loss.hostname}, and the host belongs to the listener for ${loss.taken}`;
  }
  if (loss.by === 'port') {
    return loss.ports.length === 0
      ? 'its listeners are not served'
      : `its listeners are on port ${loss.ports.join(' and ')}`;
  }
  return loss.by === 'shadowed'
    ? `it is shadowed by ${loss.winner}, which has the same match: ${whys[loss.because]}`
    : `it matches too, but ${loss.winner} comes first: ${whys[loss.by]}`;
}

/** Gives `GET PathPrefix /shop, header x-a = 1, query v ~ [0-9]+`. */
export function matchText({ path, method, headers, query }: HttpMatch): string {
  const parts = [
    `${method === undefined ? '' : `${method} `}${path.type} ${path.value}`,
    ...headers.map((one) => `header ${one.name} ${valueText(one)}`),
    ...query.map((one) => `query ${one.name} ${valueText(one)}`),
  ];
  return parts.join(', ');
}

function lackText(lack: Lack, match: HttpMatch): string {
  if (lack.of === 'path')
    return `the path is not ${match.path.type === 'PathPrefix' ? `below ${match.path.value}` : pathText(match.path)}`;
  if (lack.of === 'method') return `the method is not ${match.method ?? ''}`;
  if (lack.of === 'regex') return `${lack.pattern} is not a regular expression: it never matches`;
  const what = lack.of === 'header' ? `the header ${lack.name}` : `the query parameter ${lack.name}`;
  return lack.found === undefined
    ? `${what} is missing (wanted ${valueText(lack.wanted)})`
    : `${what} is "${lack.found}" (wanted ${valueText(lack.wanted)})`;
}

function pathText({ type, value }: HttpMatch['path']): string {
  return type === 'Exact' ? value : `matched by ${value}`;
}

function valueText({ type, value }: StringMatch): string {
  return type === 'Exact' ? `= ${value}` : `~ ${value}`;
}
