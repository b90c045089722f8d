// Writes an explanation for people: the rule that answers and what it does, or what there is instead, and why others do
// not.
import type { HeaderChange } from '#libs/gateway/filters/http-filter.ts';
import type { ListenerOf } from '#libs/matching/port-table.ts';
import type { Header } from '#libs/matching/request.ts';
import type { Forward, RuleVerdict, Share, Target, Verdict } from '#libs/matching/verdict.ts';
import { type Column, count, cut, oneLine, renderTable } from '../views/table.ts';
import { consentFields, readyCount, targetText } from './backend-text.ts';
import type { Explained, ExplainedCandidate } from './explanation.ts';
import type { Ground } from './ground.ts';

interface TextOptions {
  /** What was asked: `GET http://…`. */
  readonly title: string;
  /** Columns of the terminal; undefined = no limit. */
  readonly width?: number | undefined;
  /** Every candidate. */
  readonly all: boolean;
  readonly endpoints: Ground['endpoints'];
}

const candidatesMax = 10;
const problemsMax = 10;
const listenersMax = 10;

/** Writes the text of an explanation, without a final newline. */
export function explanationText(explained: Explained, options: TextOptions): string {
  const { verdict, problems } = explained;
  const fields =
    verdict.type === 'rule' ? ruleFields(explained, verdict, options) : otherFields(explained, verdict, options);
  return [
    `${options.title}  →  ${summary(verdict)}`,
    `by ${explained.about}`,
    ...listLines('An API server refuses this:', explained.refused, options),
    ...(fields.length === 0 ? [] : ['', ...fieldLines(fields)]),
    ...listenerLines(explained.listeners),
    ...candidateLines(explained, options),
    ...listLines('What does not work:', problems, options),
    ...listLines('Taken for granted:', explained.assumed, options),
  ].join('\n');
}

function listLines(title: string, texts: readonly string[], { all }: TextOptions): readonly string[] {
  const shown = all ? texts : texts.slice(0, problemsMax);
  const left = texts.length - shown.length;
  return [
    ...(shown.length === 0 ? [] : ['', title, ...shown.map((text) => `  ${oneLine(text)}`)]),
    ...(left > 0 ? [`  and ${left} more: --all lists them`] : []),
  ];
}

type Field = readonly [name: string, value: string];

function summary(verdict: Verdict): string {
  if (verdict.type === 'refused') return `connection refused: ${verdict.reason}`;
  if (verdict.type === 'closed') return `connection closed: ${verdict.reason}`;
  if (verdict.type === 'reset') return `the request is reset without an answer: ${verdict.reason}`;
  if (verdict.type === 'stream') return `connected to ${targetsText(verdict.shares)}`;
  if (verdict.type === 'unrouted') return `${verdict.status}: ${verdict.reason}`;
  const { outcome } = verdict;
  if (outcome.type === 'redirect') return `${outcome.status} ${outcome.location}`;
  if (outcome.type === 'preflight') return '204: the answer to a CORS preflight';
  return outcome.type === 'error' ? `${outcome.status}: ${outcome.reason}` : targetsText(outcome.shares);
}

function targetsText(shares: readonly { readonly backend: Target }[]): string {
  const names = [...new Set(shares.map(({ backend }) => targetText(backend)))];
  return names.length === 1 ? (names[0] ?? '') : `one of ${names.length} backends`;
}

function ruleFields({ place, match }: Explained, verdict: RuleVerdict, options: TextOptions): readonly Field[] {
  const { rule, listener, hostname, outcome } = verdict;
  const { route, index, name } = rule.entry;
  const fields: Field[] = [
    ['listener', listenerText(listener)],
    ['route', `${route.kind} ${route.namespace}/${route.name}, hostname ${hostname}${placeText(place)}`],
    ['rule', `${index}${name === undefined ? '' : ` (${name})`}, match ${verdict.match}: ${match ?? ''}`],
  ];
  fields.push(...consentFields(outcome.consents, options.endpoints));
  if (outcome.type === 'forward') return [...fields, ...forwardFields(outcome, options)];
  if (outcome.type === 'error') return fields;
  const headers = outcome.type === 'preflight' ? outcome.headers : outcome.corsHeaders;
  return [
    ...fields,
    ...(outcome.type === 'redirect' ? changeFields('answer', outcome.responseChanges) : []),
    ...headerFields('answer', headers),
  ];
}

function forwardFields(forward: Forward, options: TextOptions): readonly Field[] {
  const { shares, timeouts, retry } = forward;
  const [first] = shares;
  const isOne = new Set(shares.map(({ request, mirrors }) => JSON.stringify([request, mirrors]))).size === 1;
  const limits = [
    ...(timeouts?.requestMs === undefined ? [] : [`whole request ${limitText(timeouts.requestMs)}`]),
    ...(timeouts?.backendRequestMs === undefined ? [] : [`one try ${limitText(timeouts.backendRequestMs)}`]),
  ];
  return [
    ...shares.flatMap((share): Field[] => [
      ['backend', `${percent(share.share)}  ${targetText(share.backend)}${endpointsText(share, forward, options)}`],
      ...consentFields(share.consents, options.endpoints),
      ...(isOne ? [] : shareFields(share)),
    ]),
    ...(isOne && first !== undefined ? shareFields(first) : []),
    ...(limits.length === 0 ? [] : [['timeouts', limits.join(', ')] as const]),
    ...(retry === undefined ? [] : [['retries', retriesText(retry, timeouts)] as const]),
  ];
}

/** Says what of a request is tried again, as libs/xds/envoy/retry.ts has it. */
function retriesText({ attempts, codes }: NonNullable<Forward['retry']>, timeouts: Forward['timeouts']): string {
  if (attempts === 0) return 'none';
  const isTimed = (timeouts?.backendRequestMs ?? 0) > 0;
  return `${attempts} on ${['connection errors', ...(isTimed ? ['attempts that end late'] : []), ...codes].join(', ')}`;
}

function shareFields({ request, responseChanges, corsHeaders, mirrors }: Share): readonly Field[] {
  return [
    ['request', `${request.method} ${request.path}`],
    ['', `host: ${request.host}`],
    ...request.headers.map(([name, value]): Field => ['', `${name}: ${Buffer.from(value, 'latin1').toString('utf8')}`]),
    ...changeFields('answer', responseChanges),
    ...headerFields('answer', corsHeaders),
    ...mirrors.map(({ backend, share }): Field => ['mirror', `${percent(share)}  ${targetText(backend)}`]),
  ];
}

function otherFields({ place }: Explained, verdict: Verdict, { endpoints }: TextOptions): readonly Field[] {
  const listener =
    'listener' in verdict && verdict.listener !== undefined
      ? [['listener', listenerText(verdict.listener)] as const]
      : [];
  if (verdict.type === 'unrouted') return [...listener, ...consentFields(verdict.consents ?? [], endpoints)];
  if (verdict.type !== 'stream') return listener;
  const { route, index } = verdict.rule.entry;
  return [
    ...listener,
    [
      'route',
      `${route.kind} ${route.namespace}/${route.name} rule ${index}, hostname ${verdict.hostname}${placeText(place)}`,
    ],
    ...verdict.shares.map(({ backend, share }): Field => ['backend', `${percent(share)}  ${targetText(backend)}`]),
  ];
}

function placeText(place: string | undefined): string {
  return place === undefined ? '' : `, in ${place}`;
}

function listenerText({ gateway, entry }: ListenerOf): string {
  const { name, port, protocol, hostname, clientValidation } = entry;
  const clients = clientValidation === undefined ? '' : `, client certificates: ${clientValidation.mode}`;
  return `${name} of ${gateway}: ${protocol} on port ${port}${hostname === '*' ? '' : ` for ${hostname}`}${clients}`;
}

function endpointsText({ backend }: Share, { noBackendStatus }: Forward, { endpoints }: TextOptions): string {
  if ('invalid' in backend) return `: answered ${noBackendStatus}`;
  const count = readyCount(backend, endpoints);
  if (count === undefined) return '';
  return count === 0 ? ', 0 ready: answered 503' : `, ${count} ready`;
}

function changeFields(name: string, changes: readonly HeaderChange[]): readonly Field[] {
  return changes.flatMap(({ set, add, remove }): Field[] => [
    ...set.map((header): Field => [name, `set ${header.name}: ${header.value}`]),
    ...add.map((header): Field => [name, `add ${header.name}: ${header.value}`]),
    ...remove.map((header): Field => [name, `remove ${header}`]),
  ]);
}

function headerFields(name: string, headers: readonly Header[]): readonly Field[] {
  return headers.map(([header, value]): Field => [name, `set ${header}: ${value}`]);
}

function limitText(ms: number): string {
  return ms === 0 ? 'without limit' : `${ms / 1000} s`;
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10} %`;
}

function listenerLines(listeners: readonly ListenerOf[]): readonly string[] {
  const shown = listeners.slice(0, listenersMax);
  const left = listeners.length - shown.length;
  return [
    ...(shown.length === 0 ? [] : ['', 'There is:', ...shown.map((one) => `  ${oneLine(listenerText(one))}`)]),
    ...(left > 0 ? [`  and ${left} more listeners`] : []),
  ];
}

/** A name is said once for lines that follow each other. */
function fieldLines(fields: readonly Field[]): readonly string[] {
  return fields.map(([name, value], index) => {
    const isRepeated = name !== 'backend' && name === fields[index - 1]?.[0];
    return `  ${(isRepeated ? '' : name).padEnd(10)}${oneLine(value)}`;
  });
}

/** Where a rule answers, those for other hosts are of no interest. */
function candidateLines({ candidates, answered }: Explained, { all, width }: TextOptions): readonly string[] {
  const near = answered ? candidates.filter(({ forHost }) => forHost) : candidates;
  const shown = all ? candidates : near.slice(0, candidatesMax);
  const left = candidates.length - shown.length;
  const hint = near.length === shown.length && answered ? ' for other hosts' : '';
  if (shown.length === 0) return left === 0 ? [] : ['', `${count(left, 'rule')}${hint} not listed: --all lists them`];
  const gateways = new Set(shown.map(({ gateway }) => gateway));
  const columns: readonly Column<ExplainedCandidate>[] = [
    ...(gateways.size > 1 ? [{ title: 'GATEWAY', cell: ({ gateway }: ExplainedCandidate) => gateway }] : []),
    { title: 'RULE', cell: ({ route, rule }) => `${route.kind} ${route.namespace}/${route.name} rule ${rule}` },
    { title: 'MATCH', cell: ({ matches }) => cut(matches, 60) },
    { title: 'WHY NOT', cell: ({ why }) => why },
  ];
  return [
    '',
    answered ? 'These do not answer, the nearest first:' : 'No rule answers, the nearest first:',
    '',
    renderTable(columns, shown, width),
    ...(left > 0 ? [`and ${left} more${hint}: --all lists them`] : []),
  ];
}
