// Events from outside: every version that ever was is read, and nothing else gets in.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import { parseTraceEvent } from './parse-trace-event.ts';
import { traceMessageId } from './trace-event.ts';
import { attributionMessageId } from './attribution-event.ts';
import { parseAttributionEvent } from './parse-attribution-event.ts';
import { parseChangeEvent } from './parse-change-event.ts';
import { parseDeedEvent } from './parse-deed-event.ts';
import { parseOperatorEvent } from './parse-operator-event.ts';
import type { Parsed } from '#libs/gateway/problem.ts';

type Json = Readonly<Record<string, unknown>>;

function fixture(name: string): Json {
  return JSON.parse(readFileSync(new URL(`testdata/${name}.json`, import.meta.url), 'utf8'));
}

function problemsOf(parsed: Parsed<unknown>): readonly string[] {
  return parsed.ok ? [] : parsed.problems.map(({ path, message }) => `${path}: ${message}`);
}

const change = fixture('change-v1');
const operator = fixture('operator-v2');

void t.test('the newest version of both is read', async (t) => {
  t.strictSame(parseChangeEvent(change), { ok: true, value: change });
  t.strictSame(parseOperatorEvent(operator), { ok: true, value: operator });
  const gone = { ...change, type: 'deleted', hash: '', object: null, actor: null };
  t.strictSame(parseChangeEvent(gone), { ok: true, value: gone });
  const { to: _, digest: __, ...rest } = operator;
  const released = { ...rest, type: 'release' };
  t.strictSame(parseOperatorEvent(released), { ok: true, value: released });
  const done = { ...operator, outcome: { result: 'done', replaced: 4 } };
  t.strictSame(parseOperatorEvent(done), { ok: true, value: done });
});

void t.test('a command of version 1 expires when nobody waits for it any more', async (t) => {
  const first = fixture('operator-v1');
  const value = { ...first, v: 2, expiresAt: '2026-03-01T10:05:05.000Z' };
  t.strictSame(parseOperatorEvent(first), { ok: true, value });
});

void t.test('a deed is read, and a note that is none says why', async (t) => {
  const deed = fixture('deed-v1');
  t.strictSame(parseDeedEvent(deed), { ok: true, value: deed });
  const refused = { ...deed, type: 'logins-refused', actor: null, subject: '' };
  t.strictSame(parseDeedEvent(refused), { ok: true, value: refused });
  const wrong = problemsOf(parseDeedEvent({ ...deed, v: 2, type: 'rollback', at: 'soon', from: '' }));
  t.match(wrong.join('\n'), /type: .*\n?[^]*from: [^]*at: is not a time/);
  t.match(wrong.join('\n'), /v: /);
});

void t.test('an attribution is read, and has as many requests as its certainty asks for', async (t) => {
  const attribution = fixture('attribution-v1');
  const parsed = parseAttributionEvent(attribution);
  t.strictSame(parsed, { ok: true, value: attribution });
  const unknown = { ...attribution, certainty: 'unknown', requests: [] };
  t.strictSame(parseAttributionEvent(unknown), { ok: true, value: unknown });
  t.strictSame(problemsOf(parseAttributionEvent({ ...attribution, certainty: 'unknown' })), [
    'requests: must be empty',
  ]);
  t.strictSame(problemsOf(parseAttributionEvent({ ...attribution, requests: [] })), ['requests: must not be empty']);
  const [request] = Object(attribution)['requests'];
  for (const [edit, expected] of [
    [{ role: 'watched' }, 'requests[0].role: "watched" is not supported; it is one of asked, finalizer'],
    [{ user: { username: '' } }, 'requests[0].user.username: must not be empty'],
    [{ at: 'soon' }, 'requests[0].at: is not a time'],
  ] as const) {
    const wrong = problemsOf(parseAttributionEvent({ ...attribution, requests: [{ ...request, ...edit }] }));
    t.ok(wrong.includes(expected), wrong.join());
  }
  if (!parsed.ok) return;
  const id = attributionMessageId(parsed.value);
  t.equal(id, attributionMessageId({ ...parsed.value, cluster: 'eu' }), 'the same finding has the same id');
  t.not(id, attributionMessageId({ ...parsed.value, certainty: 'one-of' }));
});

void t.test('a trace is read, and what it lacks is named', async (t) => {
  const trace = fixture('trace-v1');
  const parsed = parseTraceEvent(trace);
  t.strictSame(parsed, { ok: true, value: trace });
  t.strictSame(problemsOf(parseTraceEvent({ ...trace, tool: 'make' })), [
    'tool: "make" is not supported; it is one of argocd, flux, helm',
    'tool: is no known tool',
  ]);
  t.strictSame(problemsOf(parseTraceEvent({ ...trace, application: '', initiatedBy: [], commit: { author: 7 } })), [
    'application: must not be empty',
    'commit.author: must be a string, is an integer',
    'initiatedBy: must be an object, is a list',
  ]);
  if (!parsed.ok) return;
  const id = traceMessageId(parsed.value);
  t.equal(
    id,
    traceMessageId({ ...parsed.value, commit: { author: 'x', message: '', at: '' } }),
    'nothing personal in it',
  );
  t.not(id, traceMessageId({ ...parsed.value, revision: 'another' }));
});

void t.test(
  'policies of other gateways have the kind and group as their kind, with a namespace or without',
  async (t) => {
    const kind = 'SecurityPolicy.gateway.envoyproxy.io';
    const object = Object(change['object']);
    const policy = { ...object, apiVersion: 'gateway.envoyproxy.io/v1alpha1', kind: 'SecurityPolicy' };
    t.match(parseChangeEvent({ ...change, kind, object: policy }), { ok: true, value: { kind } });
    const { namespace: _, ...metadata } = object.metadata;
    const wide = { ...change, kind, namespace: '', object: { ...policy, metadata } };
    t.match(parseChangeEvent(wide), { ok: true, value: { kind, namespace: '' } });
    t.ok(problemsOf(parseChangeEvent({ ...change, kind })).includes('object: is not the object that the event names'));
  },
);

void t.test('requests and decisions carry the command that they are about', async (t) => {
  const command = { ...operator, ticket: 'OPS-1', breakGlass: true, confirm: true };
  const said = { v: 2, id: 'r1', gateway: operator['gateway'], actor: operator['actor'], at: operator['at'] };
  const until = { ...said, expiresAt: operator['expiresAt'], outcome: { result: 'done' } };
  const requested = { ...until, type: 'requested', command, seen: { serving: 3, head: 4, held: null } };
  t.same(parseOperatorEvent(requested), { ok: true, value: requested });
  for (const type of ['approved', 'rejected']) {
    const decided = { ...until, type, request: 'r1', command };
    t.same(parseOperatorEvent(decided), { ok: true, value: decided });
    const { command: __, ...asked } = decided;
    t.same(parseOperatorEvent(asked), { ok: true, value: asked }, 'as it comes from control');
  }
  const nested = problemsOf(parseOperatorEvent({ ...requested, command: { ...command, type: 'approved' } }));
  t.ok(nested.includes('command.type: is not one of rollback, release, accept'));
  t.ok(problemsOf(parseOperatorEvent({ ...requested, seen: null })).includes('seen: is missing'));
});

void t.test('mistakes name their field', async (t) => {
  const object = Object(change['object']);
  for (const [edit, expected] of [
    [{ v: 2 }, 'v: must be between 1 and 1, is 2'],
    [{ kind: 'Pod' }, 'kind: is not a watched kind'],
    [{ kind: 'HTTPRoute.gateway.networking.k8s.io' }, 'kind: is not a watched kind'],
    [{ kind: 'securityPolicy.example.com' }, 'kind: is not a watched kind'],
    [{ kind: 'SecurityPolicy.example' }, 'kind: is not a watched kind'],
    [{ kind: 'SecurityPolicy.example.com/x' }, 'kind: is not a watched kind'],
    [{ cluster: 'EU/1' }, 'cluster: "EU/1" is not a DNS label'],
    [{ name: 'a/b' }, 'name: "a/b" is not an object name'],
    [{ namespace: '..' }, 'namespace: ".." is not an object name'],
    [{ at: 'soon' }, 'at: is not a time'],
    [{ hash: 'x' }, 'hash: "x" is not a SHA-256 in hex'],
    [{ object: null }, 'object: is missing'],
    [
      { object: { ...object, metadata: { ...object.metadata, uid: 'other' } } },
      'object: is not the object that the event names',
    ],
    [{ kind: 'Namespace' }, 'namespace: is longer than 0 characters'],
    [{ sealed: { keyId: 'a', enc: 'b' } }, 'sealed.ciphertext: is missing'],
  ] as const) {
    t.ok(problemsOf(parseChangeEvent({ ...change, ...edit })).includes(expected), expected);
  }
  for (const [edit, expected] of [
    [{ type: 'explode' }, 'type: is not one of rollback, release, accept, requested, approved, rejected'],
    [{ gateway: 'web' }, 'gateway: "web" is not a gateway as cluster/namespace/name'],
    [{ to: 0 }, 'to: must be between 1 and 2147483647, is 0'],
    [{ actor: null }, 'actor: is missing'],
    [{ expiresAt: null }, 'expiresAt: is missing'],
    [{ expiresAt: 'later' }, 'expiresAt: is not a time'],
    [{ outcome: { result: 'refused', message: 'no' } }, 'outcome.code: is missing'],
    [{ outcome: { result: 'lost' } }, 'outcome.result: "lost" is not supported; it is one of done, refused, expired'],
  ] as const) {
    t.ok(problemsOf(parseOperatorEvent({ ...operator, ...edit })).includes(expected), expected);
  }
});

void t.test('nothing throws, and nothing half-read gets in', async () => {
  const edits = fc.dictionary(fc.constantFrom(...Object.keys(change), ...Object.keys(operator)), fc.anything());
  fc.assert(
    fc.property(fc.oneof(fc.anything(), edits), (edit) => {
      for (const [base, parse] of [
        [change, parseChangeEvent],
        [operator, parseOperatorEvent],
      ] as const) {
        const parsed = parse(typeof edit === 'object' && edit !== null ? { ...base, ...edit } : edit);
        if (!parsed.ok && parsed.problems.length === 0) throw new Error('refused without a reason');
      }
    }),
    { numRuns: 500 },
  );
});
