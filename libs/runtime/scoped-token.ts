// Derives tokens for the nodes that an agent provides: each names what its node may be called and may serve, and is
// signed with the agent's provisioner token, so that control knows it without having been told. Revoking the
// provisioner token ends all of them.
//
//   fgn_ base64url(JSON scope) . base64url(HMAC-SHA256(key = SHA-256 of the provisioner token, scope))
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { hashToken } from './bearer-token.ts';
import { publicKeyOf, type NodeKey } from './hpke.ts';

/** Globs: of the node's name, and of the gateways (`cluster/namespace/name`) that it may serve. */
export interface TokenScope {
  readonly node: string;
  readonly serves: readonly string[];
}

const prefix = 'fgn_';
const lengthMax = 2048;
const servesMax = 16;

/** Derives the token of a scope; the same scope gives the same token. */
export function deriveToken(provisionerToken: string, { node, serves }: TokenScope): string {
  const payload = Buffer.from(JSON.stringify({ node, serves })).toString('base64url');
  return `${prefix}${payload}.${signatureOf(payload, hashToken(provisionerToken)).toString('base64url')}`;
}

/** Tells whether the text is meant to be such a token. */
export function isScopedToken(token: string): boolean {
  return token.startsWith(prefix) && token.length <= lengthMax;
}

/** Gives the scope of a token that was derived from the provisioner token with this SHA-256 (hex); else undefined. */
export function verifyScopedToken(token: string, provisionerSha256: string): TokenScope | undefined {
  if (!isScopedToken(token)) return undefined;
  const [payload = '', signature = '', ...rest] = token.slice(prefix.length).split('.');
  const given = Buffer.from(signature, 'base64url');
  const expected = signatureOf(payload, provisionerSha256);
  if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return parseScope(payload);
}

/**
 * Derives the key pair of the nodes in one namespace from the provisioner token itself, which control does not know.
 * TLS material that Gateways there refer to is sealed to it beside the fleet's own key, whose private half so never
 * leaves its place.
 */
export function deriveNodeKey(provisionerToken: string, cluster: string, namespace: string): NodeKey {
  const raw = hkdfSync('sha256', provisionerToken, '', `fleetgate/node-key/${cluster}/${namespace}`, 32);
  const privateKey = Buffer.from(raw).toString('base64');
  return { privateKey, publicKey: publicKeyOf(privateKey) };
}

function signatureOf(payload: string, provisionerSha256: string): Buffer {
  return createHmac('sha256', Buffer.from(provisionerSha256, 'hex')).update(payload).digest();
}

function parseScope(payload: string): TokenScope | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    if (typeof json !== 'object' || json === null || !('node' in json) || !('serves' in json)) return undefined;
    const { node, serves } = json;
    if (typeof node !== 'string' || !Array.isArray(serves) || serves.length > servesMax) return undefined;
    const globs = serves.filter((glob): glob is string => typeof glob === 'string');
    return globs.length === serves.length ? { node, serves: globs } : undefined;
  } catch {
    return undefined;
  }
}
