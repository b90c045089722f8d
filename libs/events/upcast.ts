// Reads old versions of events as the newest. Versions, newest last:
//   change    1  the first
//   operator  1  the first
// Each step is pure, goes up by one version, and has a fixture in testdata/.
import { isRecord } from '#libs/gateway/fields/record.ts';

type Step = (json: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;

/** steps[n - 1] reads version n and gives version n + 1. */
const steps: Readonly<Record<'change' | 'operator', readonly Step[]>> = { change: [], operator: [] };

/** Gives the event in its newest version; what is no event is given back as it is. */
export function upcast(family: 'change' | 'operator', json: unknown): unknown {
  if (!isRecord(json) || typeof json.v !== 'number' || json.v < 1) return json;
  return steps[family].slice(json.v - 1).reduce<Readonly<Record<string, unknown>>>((event, step) => step(event), json);
}
