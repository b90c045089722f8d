// Reads the node's private keys and opens TLS material with them. Keys live in memory only; what is on disk and in
// logs stays sealed.
import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { keyIdOf, open, publicKeyOf } from '#libs/runtime/hpke.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { XdsDiscovery } from '#libs/xds/compiler.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';
import { parseDiscoveryKey } from '#libs/snapshot/discovery-key.ts';

/** Opens what discovery holds; undefined for material that cannot be opened, which is logged. */
export type OpenDiscovery = (key: string, item: DiscoveryItem) => Promise<XdsDiscovery | undefined>;

const materialShape = z.object({ certificate: z.string(), key: z.string() });

/** Reads private keys, base64, one per line; empty lines and lines that begin with # do not count. */
export async function readNodeKeys(path: string, log: Logger): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  });
  const { mode } = await stat(path);
  if ((mode & 0o007) !== 0) log.warn({ path }, 'the key of the node can be read by others: make it 0600');
  const keys = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (keys.length === 0) throw fail('sealed-key', `${path} holds no key`);
  const keyIds = keys.map((key) => keyIdOf(publicKeyOf(key)));
  log.info({ keyIds }, 'keys of the node');
  return keys;
}

/** Makes what opens TLS material with the node's keys. */
export function discoveryOpener(privateKeys: readonly string[], log: Logger): OpenDiscovery {
  return async (key, item) => {
    if (item.kind !== 'tls') return item;
    try {
      const name = parseDiscoveryKey(key);
      // It was sealed for the Secret.
      const plain = await open(privateKeys, item.sealed, name?.type === 'tls' ? toPlaceKey(name.secret) : '');
      const { certificate, key: privateKey } = parseMaterial(plain);
      return { kind: 'tls', certificate, key: privateKey };
    } catch (error) {
      log.error({ secret: key, reason: messageOf(error) }, 'TLS material cannot be opened');
      return undefined;
    }
  };
}

/** Opens the TLS material of discovery; what cannot be opened is left out. */
export async function openAll(
  items: Iterable<{ readonly key: string; readonly item: DiscoveryItem }>,
  open: OpenDiscovery,
): Promise<readonly { readonly key: string; readonly item: XdsDiscovery }[]> {
  const opened: { readonly key: string; readonly item: XdsDiscovery }[] = [];
  for (const { key, item } of items) {
    const plain = await open(key, item);
    if (plain !== undefined) opened.push({ key, item: plain });
  }
  return opened;
}

function parseMaterial(plain: Uint8Array): z.infer<typeof materialShape> {
  try {
    return materialShape.parse(JSON.parse(new TextDecoder().decode(plain)));
  } catch {
    // What a parser says about its input could show some of it.
    throw fail('sealed-key', 'what is sealed is not a certificate with its key');
  }
}
