// The hub's session when gateways stop being for its node. Any interleaving of that is in the test of the session.
import t from 'tap';
import { emptyDigest } from '#libs/snapshot/digest.ts';
import { type FleetView, type HubOutput, HubSession } from './hub-session.ts';
import type { Applied, Held, Hello, Rejected } from './messages.ts';

const gateway = 'eu/infra/web';
const at = (version: number): Held => ({ gateway, version, digest: version.toString(16).padStart(64, '0') });
const empty = (version: number): Held => ({ ...at(version), digest: emptyDigest });
const applied = (held: Held): Applied => ({ type: 'applied', tookMs: 1, ...held });

/** One gateway that needs one key. */
class OneGateway implements FleetView {
  version = 2;
  serving = (): Held => at(this.version);
  hasBase = (): boolean => true;
  keysOf = (): readonly string[] => ['a'];
  refersTo = (_: string, key: string): boolean => key === 'a';
  needsOf = (): readonly string[] => [];
  discoveryHash = (): string => 'a1';
}

function helloOf(held: Held): Hello {
  const rest = { version: '0.1.0', labels: {}, serves: ['*/*/*?tier=edge'], addresses: [] };
  return { type: 'hello', protocol: 1, node: 'n1', ...rest, held: [held], discovery: { a: 'a1' } };
}

/** Outputs in words. */
function say(outputs: readonly HubOutput[]): readonly string[] {
  return outputs.map((output) => {
    if (output.type === 'report') return `report ${output.report.kind}`;
    if (output.type === 'discovery') return `discovery +${output.upserts.join(',')} -${output.removes.join(',')}`;
    if (output.type === 'pong') return 'pong';
    const { base, target } = output;
    return target.digest === emptyDigest ? 'nothing' : `${base === null ? 'full' : 'delta'} → ${target.version}`;
  });
}

void t.test('emptied, forgotten, and whole again when it comes back', async (t) => {
  const fleet = new OneGateway();
  const hello = helloOf(at(2));
  const session = new HubSession(fleet, hello);
  session.start(hello, [gateway]);
  t.same(session.unassign(gateway), [{ type: 'snapshot', base: null, target: empty(2) }]);
  t.same(session.unassign(gateway), []);
  fleet.version = 3;
  t.same(session.servingChanged(gateway, { added: [], removed: [] }), [], 'newer versions do not concern it');
  const refusal: Rejected = { type: 'rejected', ...empty(2), reasons: ['no'], serving: at(2) };
  t.same(say(session.receive(refusal)), ['report rejected']);
  const ping = { type: 'ping', held: [at(2)], envoy: 'live' } as const;
  t.same(say([1, 2, 3].flatMap(() => session.receive(ping))), ['pong', 'pong', 'pong', 'nothing'], 'said again');
  t.same(say(session.receive(applied(empty(2)))), ['report holds', 'discovery + -a']);
  t.same(session.held(), []);
  t.same(say(session.assign(gateway)), ['discovery +a -', 'full → 3']);
  t.same(say(session.unassign(gateway)), [], 'an answer is awaited');
  t.same(say(session.receive(applied(at(3)))), ['report applied', 'nothing']);
  t.same(say(session.assign(gateway)), []);
  t.same(say(session.receive(applied(empty(3)))), ['report holds', 'delta → 3'], 'came back meanwhile');
  t.same(say(session.receive(applied(at(3)))), ['report applied']);
});

void t.test('a node that connects with what is not for it', async (t) => {
  const hello = helloOf(at(2));
  const session = new HubSession(new OneGateway(), hello);
  t.same(say(session.start(hello, [], [gateway])), ['report holds', 'nothing']);
  const emptied = helloOf(empty(2));
  const again = new HubSession(new OneGateway(), emptied);
  t.same(again.start(emptied, [], [gateway]).slice(0, 1), [{ type: 'report', report: { kind: 'holds', held: [] } }]);
  t.same(again.receive({ type: 'ping', held: [empty(2)], envoy: 'live' }), [{ type: 'pong' }], 'nothing more to do');
});
