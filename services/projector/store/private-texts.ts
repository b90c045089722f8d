// Puts ids in the place of texts about people before an event is folded, and makes the rows that keep the texts. The
// same text has the same id until it is erased; then it gets another one.
import { randomBytes } from 'node:crypto';
import type { ClientBase } from 'pg';
import {
  type PersonalEvent,
  concealEvent,
  personalTextsOf,
  privateIdOf,
  saltBytes,
} from '#libs/events/private-text.ts';

/** A row of the table `private_texts`. */
export interface PrivateText {
  readonly id: string;
  readonly salt: Uint8Array;
  readonly text: string;
}

/** Events without texts about people, and the texts that the database does not have yet. */
interface Concealed<E> {
  readonly events: readonly E[];
  /** To be written in the transaction of the events. */
  readonly added: readonly PrivateText[];
}

const rememberedMax = 20_000;

/** Knows the ids of texts. What `added` names must be committed in its order, or this be thrown away. */
export class PrivateTexts {
  readonly #client: ClientBase;
  readonly #ids = new Map<string, string>();

  constructor(client: ClientBase) {
    this.#client = client;
  }

  /** Conceals events; nothing is written. */
  async conceal<E extends PersonalEvent>(events: readonly E[]): Promise<Concealed<E>> {
    const { ids, added } = await this.idsOf(personalTextsOf(events));
    const idOf = (text: string): string => ids.get(text) ?? '';
    return { events: events.map((event) => concealEvent(event, idOf)), added };
  }

  /** Gives the id of each text, new ones too; nothing is written. */
  async idsOf(
    texts: readonly string[],
  ): Promise<{ readonly ids: ReadonlyMap<string, string>; readonly added: readonly PrivateText[] }> {
    if (this.#ids.size > rememberedMax) this.#ids.clear();
    await this.#look(texts.filter((text) => !this.#ids.has(text)));
    const added: PrivateText[] = [];
    for (const text of texts) {
      if (this.#ids.has(text)) continue;
      const salt = randomBytes(saltBytes);
      const id = privateIdOf(salt, text);
      this.#ids.set(text, id);
      added.push({ id, salt, text });
    }
    return { ids: new Map(texts.map((text) => [text, this.#ids.get(text) ?? ''])), added };
  }

  /** Forgets a text that was erased: if it comes again, it gets another id. */
  forget(id: string): void {
    for (const [text, known] of this.#ids) if (known === id) this.#ids.delete(text);
  }

  async #look(texts: readonly string[]): Promise<void> {
    if (texts.length === 0) return;
    const { rows } = await this.#client.query<Pick<PrivateText, 'id' | 'text'>>({
      name: 'projector_private_texts',
      text: 'select id, text from private_texts where text = any($1)',
      values: [texts],
    });
    for (const { id, text } of rows) this.#ids.set(text, id);
  }
}
