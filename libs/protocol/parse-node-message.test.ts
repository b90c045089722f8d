// What nodes may send: every message, and what is refused with reasons.
import * as fc from 'fast-check';
import t from 'tap';
import type { NodeMessage } from './messages.ts';
import { parseNodeMessage } from './parse-node-message.ts';

const digest = '0'.repeat(64);
const held = { gateway: 'eu/infra/web', version: 1, digest };
const hello: NodeMessage = {
  type: 'hello',
  protocol: 1,
  node: 'n1',
  version: '0.1.0',
  labels: { zone: 'a' },
  serves: ['*/*/*'],
  addresses: ['192.0.2.1'],
  held: [held],
  discovery: { 'endpoints/eu/shop/web/80': 'h1' },
};

void t.test('every message', async (t) => {
  const messages: readonly NodeMessage[] = [
    hello,
    { type: 'applied', ...held, tookMs: 1.5 },
    { type: 'rejected', ...held, version: 2, reasons: ['no'], serving: held },
    { type: 'rejected', ...held, reasons: [], serving: null },
    { type: 'resend', gateway: 'eu/infra/web' },
    { type: 'ping', held: [held], envoy: 'live' },
  ];
  for (const message of messages)
    t.same(parseNodeMessage(JSON.stringify(message)), { ok: true, message }, message.type);
  const newer = { ...hello, mood: 'good' };
  t.same(parseNodeMessage(JSON.stringify(newer)), { ok: true, message: hello }, 'fields of a newer node are left out');
});

void t.test('reasons, never a throw', async (t) => {
  const cases: readonly (readonly [text: string, problem: RegExp])[] = [
    ['', /not JSON/],
    ['{', /not JSON/],
    ['null', /message/],
    ['[]', /message/],
    ['{"type":"bye"}', /type/],
    [JSON.stringify({ ...hello, node: '../../etc' }), /node: must be a DNS name/],
    [JSON.stringify({ ...hello, held: [{ ...held, gateway: 'a/b' }] }), /held\.0\.gateway/],
    [JSON.stringify({ ...hello, serves: Array.from({ length: 300 }, () => '*/*/*') }), /serves/],
    [JSON.stringify({ ...hello, labels: null }), /labels/],
    [JSON.stringify({ type: 'applied', ...held, version: 1e12, tookMs: 1 }), /version/],
    [JSON.stringify({ type: 'applied', ...held, digest: 'x', tookMs: 1 }), /digest: must be a SHA-256/],
    [JSON.stringify({ type: 'applied', ...held, tookMs: -1 }), /tookMs/],
    [`{"type":"resend","gateway":"${'a'.repeat(100_000)}"}`, /gateway/],
  ];
  for (const [text, problem] of cases) {
    const parsed = parseNodeMessage(text);
    t.match(parsed.ok ? 'ok' : parsed.problems.join('; '), problem, text.slice(0, 60));
  }
  const result = fc.check(fc.property(fc.oneof(fc.string(), fc.json()), (text) => !parseNodeMessage(text).ok));
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? '');
});
