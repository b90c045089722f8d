// Wires the stages that keep HTTPRoutes and GRPCRoutes apart. Nothing of it runs for hostnames that only one kind has.
import type { Attachment } from '#libs/projection/model/attach.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group } from '#libs/derivation/group.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import type { RouteName } from '#libs/snapshot/entry.ts';
import {
  type Contender,
  contendersOf,
  grounds,
  isOlder,
  type KeptAttachment,
  rivalGrounds,
  type Speech,
  withoutLost,
} from '#libs/projection/model/rivals.ts';

/** Says what a route wants: where its parentRefs lead, whatever other kinds are there. */
export interface WantedRoute {
  readonly route: RouteName;
  /** Undefined for routes that contend with none. */
  readonly speech?: Speech;
  /** Whether its own content lets it be accepted. */
  readonly accepted: boolean;
  readonly attachments: readonly Attachment[];
}

/** Gives for a route the attachments that are left to it. */
type KeepApart = (key: string, wanted: WantedRoute, read: Read) => readonly KeptAttachment[];

/** Makes the stages; what it returns is called by the stage that reads. */
export function createRivalStages(engine: Derivation, wanted: Stage<WantedRoute>): KeepApart {
  const places = engine.group<Contender>().feed(wanted, (key, one) => contenders(key, one).flatMap(grounds));
  const winners = createWinnerStages(engine, wanted, places);
  return (key, one, read) => {
    const byPlace = new Map(contenders(key, one).map((contender) => [contender.place, contender]));
    if (byPlace.size === 0) return one.attachments;
    return withoutLost(one.attachments, (gateway, listener) => {
      const contender = byPlace.get(`${gateway} ${listener}`);
      const contested = contender && rivalGrounds(contender).some((ground) => read.has(places, ground));
      return contested === true ? read.get(winners, `${key} ${gateway} ${listener}`) : undefined;
    });
  };
}

function contenders(key: string, { speech, accepted, route, attachments }: WantedRoute): readonly Contender[] {
  return speech === undefined || !accepted ? [] : contendersOf(key, speech, route, attachments);
}

/** Odd, so that what is left of the recursion errs by accepting too little, and never accepts both. */
const steps = 5;

/**
 * Makes the stages that find the rival that a route gives way to, by `route-key gateway listener`. A rival that itself
 * gives way to an older one is none, which is a recursion; a stage cannot read itself, so each of a few stages goes one
 * step of it.
 */
function createWinnerStages(
  engine: Derivation,
  wanted: Stage<WantedRoute>,
  places: Group<Contender>,
): Stage<RouteName> {
  let last = createWinnerStage(engine, wanted, places, 'rival 1', undefined);
  for (let step = 2; step <= steps; step++) last = createWinnerStage(engine, wanted, places, `rival ${step}`, last);
  return last;
}

function createWinnerStage(
  engine: Derivation,
  wanted: Stage<WantedRoute>,
  places: Group<Contender>,
  name: string,
  before: Stage<RouteName> | undefined,
): Stage<RouteName> {
  return engine.stage<RouteName>({
    name,
    compute: (id, read) => {
      const at = id.indexOf(' ');
      const [key, place] = [id.slice(0, at), id.slice(at + 1)];
      const one = read.get(wanted, key);
      const self = one && contenders(key, one).find((contender) => contender.place === place);
      if (self === undefined) return undefined;
      let first: RouteName | undefined;
      for (const ground of rivalGrounds(self)) {
        for (const rival of read.list(places, ground)) {
          if (!isOlder(rival.route, first ?? self.route)) continue;
          if (before === undefined || read.get(before, `${rival.key} ${place}`) === undefined) first = rival.route;
        }
      }
      return first;
    },
  });
}
