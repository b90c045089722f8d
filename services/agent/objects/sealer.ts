// Seals TLS material to the fleet's node key, and to the keys of the namespaces that have data planes of their own.
// Only nodes hold the other halves.
import { toPlaceKey } from '#libs/gateway/object-key.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { keyIdOf, seal } from '#libs/runtime/hpke.ts';
import type { Sealer } from './live-object.ts';

interface SealerOptions {
  readonly cluster: string;
  /** Of the fleet; undefined = none. */
  readonly publicKey: string | undefined;
  /** The public key of the nodes that are provided in a namespace; undefined = none are provided. */
  readonly namespaceKey: ((namespace: string) => string) | undefined;
  readonly onSealed: () => void;
}

/** Makes a sealer; null without any key. Throws FleetgateError 'config' for what is no key. */
export function createSealer({ cluster, publicKey, namespaceKey, onSealed }: SealerOptions): Sealer | null {
  if (publicKey !== undefined) checkKey(publicKey);
  if (publicKey === undefined && namespaceKey === undefined) return null;
  const fleetKeys = publicKey === undefined ? [] : [publicKey];
  const ofNamespace = new Map<string, string>();
  const keysFor = (namespaces: readonly string[]): readonly string[] => {
    if (namespaceKey === undefined) return fleetKeys;
    for (const namespace of namespaces)
      if (!ofNamespace.has(namespace)) ofNamespace.set(namespace, namespaceKey(namespace));
    return [...fleetKeys, ...namespaces.flatMap((namespace) => ofNamespace.get(namespace) ?? [])];
  };
  return {
    keyIds: (namespaces) => keysFor(namespaces).map(keyIdOf),
    async seal(material, { namespace, name }, namespaces) {
      const plaintext = new TextEncoder().encode(JSON.stringify(material));
      const aad = toPlaceKey({ cluster, namespace, name });
      const [first, ...others] = await Promise.all(keysFor(namespaces).map((key) => seal(key, plaintext, aad)));
      onSealed();
      return first === undefined ? null : { ...first, ...(others.length === 0 ? {} : { others }) };
    },
  };
}

function checkKey(publicKey: string): void {
  try {
    keyIdOf(publicKey);
  } catch (error) {
    throw fail('config', `--node-public-key (or FLEETGATE_NODE_PUBLIC_KEY): ${messageOf(error)}`, { cause: error });
  }
}
