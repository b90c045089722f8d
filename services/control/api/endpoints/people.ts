// Answers POST /people/erase, for admins.
import { endpoints } from '#libs/api/endpoints.ts';
import { erasePerson as erase, findPerson } from '../../access/erasure.ts';
import { doerOf } from '../../access/tokens.ts';
import { serve } from '../endpoint.ts';

export const erasePerson = serve(endpoints.erasePerson, ({ db }, { body: { person, dryRun, reason } }, visitor) =>
  dryRun ? findPerson(db, person) : erase(db, person, { by: doerOf(visitor, reason), at: new Date() }),
);
