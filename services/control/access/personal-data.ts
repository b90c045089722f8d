// Puts texts about people back into answers, where the history has ids in their place: for roles that may see them and
// as long as they are not erased. Every answer of the API goes through here as JSON, and nothing else reveals a text.
// Nothing is remembered, so that an erased text is gone with the next answer.
import { type Kysely, sql } from 'kysely';
import {
  erasedName,
  privateIdPrefixOf,
  privateIdsIn,
  replacePrivateIds,
  withheldName,
} from '#libs/events/private-text.ts';
import type { Role } from '#libs/api/role.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { type Visitor, hasRole } from './tokens.ts';

/** The lowest role that sees texts about people. */
type PersonalDataRole = Extract<Role, 'viewer' | 'operator' | 'admin'>;

/** Decides who sees texts about people, and reads them. */
export class PersonalData {
  readonly #db: Kysely<Database>;
  readonly #shownFrom: PersonalDataRole;

  constructor(db: Kysely<Database>, shownFrom: PersonalDataRole) {
    this.#db = db;
    this.#shownFrom = shownFrom;
  }

  /** Tells whether a caller sees texts about people. */
  isShownTo(caller: Visitor): boolean {
    return hasRole(caller, this.#shownFrom);
  }

  /**
   * Writes the JSON of an answer: where `shown`, with the texts about people, and `erased-…` for those that were
   * erased; else with `person-…`, the same for the same person.
   */
  async toJson(answer: unknown, shown: boolean): Promise<string> {
    const json = JSON.stringify(answer);
    const ids = privateIdsIn(json);
    if (ids.length === 0) return json;
    if (!shown) return replacePrivateIds(json, withheldName);
    const rows = await this.#db.selectFrom('private_texts').select(['id', 'text']).where('id', 'in', ids).execute();
    // An id stands inside a JSON string, and so must its text.
    const texts = new Map(rows.map(({ id, text }) => [id, JSON.stringify(text).slice(1, -1)]));
    return replacePrivateIds(json, (id) => texts.get(id) ?? erasedName(id));
  }

  /**
   * Gives what the history calls a person by, where somebody asks for one: its own name, which is that of a manager
   * then, and ids. `person-…` and `erased-…` of an answer can be asked for, too.
   */
  async namesOf(person: string, caller: Visitor): Promise<readonly string[]> {
    const prefix = privateIdPrefixOf(person);
    if (prefix !== undefined) return [person, ...(await this.#idsFrom(prefix))];
    // Else one who may not see names could find out by asking whose they are.
    if (!this.isShownTo(caller)) return [person];
    const rows = await this.#db.selectFrom('private_texts').select('id').where('text', '=', person).execute();
    return [person, ...rows.map(({ id }) => id)];
  }

  async #idsFrom(prefix: string): Promise<readonly string[]> {
    const { rows } = await sql<{ id: string }>`
      select id from private_texts where starts_with(id, ${prefix})
       union
      select name from events where cluster = '' and kind = 'Person' and namespace = '' and starts_with(name, ${prefix})
      `.execute(this.#db);
    return rows.map(({ id }) => id);
  }
}
