// A node is sent nothing that it does not understand: it would leave out what it does not know, and serve the rest.
import t from 'tap';
import { emptyDigest } from '#libs/snapshot/digest.ts';
import { type FleetView, type HubOutput, HubSession } from './hub-session.ts';
import type { Held, Hello, Ping } from './messages.ts';

const gateway = 'eu/infra/web';
const at = (version: number): Held => ({ gateway, version, digest: `${version}`.padStart(64, '0') });
const ping: Ping = { type: 'ping', held: [at(1)], envoy: 'live' };

/** One gateway whose serving version needs something or not. */
class NeedingGateway implements FleetView {
  version = 1;
  needs: readonly string[] = [];
  serving = (): Held => at(this.version);
  hasBase = ({ digest }: Held): boolean => digest !== emptyDigest;
  keysOf = (): readonly string[] => [];
  refersTo = (): boolean => false;
  needsOf = (): readonly string[] => this.needs;
  discoveryHash = (): undefined => undefined;
}

function begin(fleet: NeedingGateway, held: Held, understands?: readonly string[]) {
  const rest = { version: '0.1.0', labels: {}, serves: ['*/*/*'], addresses: [], discovery: {} };
  const hello: Hello = { type: 'hello', protocol: 1, node: 'n1', ...rest, held: [held], understands };
  const session = new HubSession(fleet, hello);
  return { session, first: say(session.start(hello, [gateway])) };
}

/** Outputs in words. */
function say(outputs: readonly HubOutput[]): readonly string[] {
  return outputs.map((output) => {
    if (output.type === 'report')
      return output.report.kind === 'rejected' ? `rejected ${output.report.rejected.version}` : output.report.kind;
    if (output.type !== 'snapshot') return output.type;
    const { base, target } = output;
    return target.digest === emptyDigest ? 'nothing' : `${base === null ? 'full' : 'delta'} → ${target.version}`;
  });
}

void t.test('a version that needs more is withheld, and that is said once', (t) => {
  const fleet = new NeedingGateway();
  const { session } = begin(fleet, at(1));
  fleet.version = 2;
  fleet.needs = ['external-auth'];
  const outputs = session.servingChanged(gateway, { added: [], removed: [] });
  t.match(outputs, [
    { report: { rejected: { version: 2, serving: at(1), reasons: [/does not know external-auth/] } } },
  ]);
  for (let pings = 0; pings < 50; pings++) t.same(say(session.receive(ping)), ['pong']);
  fleet.version = 3;
  fleet.needs = [];
  t.same(say(session.servingChanged(gateway, { added: [], removed: [] })), ['delta → 3'], 'what it knows, it gets');
  t.end();
});

void t.test('what a node says that it understands, it gets', (t) => {
  const fleet = new NeedingGateway();
  fleet.version = 4;
  fleet.needs = ['external-auth'];
  t.same(begin(fleet, at(3), ['external-auth', 'more']).first, ['holds', 'delta → 4']);
  t.same(begin(fleet, at(4), ['external-auth']).first, ['holds']);
  t.same(begin(fleet, at(3), ['more']).first, ['holds', 'rejected 4']);
  t.end();
});

void t.test('what a node has from a newer build of itself, it stops', (t) => {
  const fleet = new NeedingGateway();
  fleet.version = 4;
  fleet.needs = ['external-auth'];
  const { session, first } = begin(fleet, at(4));
  t.same(first, ['holds', 'nothing']);
  const stopped = session.receive({ type: 'applied', tookMs: 1, ...at(4), digest: emptyDigest });
  t.same(say(stopped), ['holds', 'rejected 4']);
  t.end();
});
