// Seals TLS material to the fleet's node key. Only nodes hold the other half.
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { keyIdOf, seal } from '#libs/runtime/hpke.ts';
import type { Sealer } from './live-object.ts';

/** Null without a key. Throws FleetgateError 'config' for what is no key. */
export function createSealer(publicKey: string | undefined, cluster: string, onSealed: () => void): Sealer | null {
  if (publicKey === undefined) return null;
  return {
    keyId: readKeyId(publicKey),
    async seal(material, { namespace, name }) {
      const plaintext = new TextEncoder().encode(JSON.stringify(material));
      const sealed = await seal(publicKey, plaintext, `${cluster}/${namespace}/${name}`);
      onSealed();
      return sealed;
    },
  };
}

function readKeyId(publicKey: string): string {
  try {
    return keyIdOf(publicKey);
  } catch (error) {
    throw fail('config', `--node-public-key (or FLEETGATE_NODE_PUBLIC_KEY): ${messageOf(error)}`, { cause: error });
  }
}
