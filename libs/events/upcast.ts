// Reads old versions of events as the newest. Versions, newest last:
//   change    1  the first
//                since 0.1: `servedApi` in the object of a GatewayClass (libs/gateway/objects/served-api.ts); absent =
//                what the cluster serves is not known; `provides` in it; the kind ClusterTrustBundle; reason and
//                ticket
//   operator  1  the first
//             2  expiresAt, expect, force, digest, outcome: a command of version 1 was waited for for five seconds;
//                from, which may be absent
//                since 0.1: ticket, confirm and breakGlass, which may be absent; the types requested, approved
//                and rejected
//   deed      1  the first
//   attributed 1 the first
//   traced    1  the first
// Each step is pure, goes up by one version, and has a fixture in testdata/.
import { isRecord } from '#libs/gateway/fields/record.ts';

type Step = (json: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/** steps[n - 1] reads version n and gives version n + 1. */
const steps: Readonly<Record<'change' | 'operator', readonly Step[]>> = { change: [], operator: [expiring] };

const expiredAfterMs = 5000;

function expiring(json: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const at = typeof json['at'] === 'string' ? Date.parse(json['at']) : Number.NaN;
  // What is no time is refused by the reader.
  const expiresAt = Number.isNaN(at) ? json['at'] : new Date(at + expiredAfterMs).toISOString();
  return { ...json, v: 2, expiresAt };
}

/** Gives the event in its newest version; what is no event is given back as it is. */
export function upcast(family: 'change' | 'operator', json: unknown): unknown {
  if (!isRecord(json) || typeof json.v !== 'number' || json.v < 1) return json;
  return steps[family].slice(json.v - 1).reduce<Readonly<Record<string, unknown>>>((event, step) => step(event), json);
}
