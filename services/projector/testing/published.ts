// Makes keys of a log, and publishes the history of a test as a publisher would.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Teardown, testLogger } from '#libs/testing/peers/throwaway.ts';
import { type NoteKey, type NoteSigner, formatVerifierKey } from '#libs/tlog/note-key.ts';
import { generateLogKey } from '../audit/log-keys.ts';
import { openPlace } from '../places/open-place.ts';
import type { LogPlace } from '../places/place.ts';
import { Publisher } from '../audit/publisher.ts';
import type { Witness } from '../audit/witness.ts';
import * as shop from './shop.ts';
import type { TestWriter } from './test-writer.ts';

/** The name of the tests' log. */
export const origin = 'fleet.example/history';

/** Makes a key of a log. */
export function newKey(t: Teardown, name = origin): NoteSigner {
  return generateLogKey(name, join(newFolder(t), 'key'));
}

/** Makes a folder that goes with the test. */
export function newFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'fleetgate-log-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a publisher. */
export function openPublisher(
  place: LogPlace,
  signers: readonly NoteSigner[],
  more: { readonly earlierKeys?: readonly NoteKey[]; readonly witnesses?: readonly Witness[] } = {},
): Publisher {
  const log = testLogger();
  return new Publisher({ place, signers, earlierKeys: [], witnesses: [], log, now: () => new Date(), ...more });
}

/** Publishes the history into a new folder, with a new key. */
export async function publishAnew(t: Teardown, db: TestWriter) {
  const folder = newFolder(t);
  const key = newKey(t);
  const publisher = openPublisher(openPlace(folder, {}), [key]);
  await publisher.publish(db.client);
  return { folder, vkey: formatVerifierKey(key), publisher };
}

/** Appends routes, a hundred in a transaction. */
export async function appendRoutes(db: TestWriter, count: number, from = 0): Promise<void> {
  for (let at = from; at < from + count; at += 100)
    await db.append(...Array.from({ length: 100 }, (_, n) => shop.route(`r${at + n}`, 1)));
}
