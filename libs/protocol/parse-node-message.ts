// Reads what a node says: text becomes a typed message, or the list of what is wrong with it. Everything is bounded;
// unknown fields are left out, so that a newer node can say more.
import { z } from 'zod';
import type { NodeMessage } from './messages.ts';

/** Most characters of one message of a node; a hello that names 20,000 discovery keys fits. */
export const nodeMessageLengthMax = 8 * 1024 * 1024;

const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex');
const version = z.int().min(1).max(2_147_483_647);
const gateway = z
  .string()
  .max(400)
  .regex(/^[^/\s]{1,63}\/[^/\s]{1,63}\/[^/\s]{1,253}$/, 'must be cluster/namespace/name');
const tookMs = z.number().min(0).max(86_400_000);
const held = z.object({ gateway, version, digest });
const nodeName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case');
const labels = z
  .record(z.string().max(316), z.string().max(256))
  .refine((value) => Object.keys(value).length <= 64, 'at most 64 labels');
const discovery = z
  .record(z.string().max(800), z.string().max(128))
  .refine((value) => Object.keys(value).length <= 100_000, 'at most 100,000 keys');

const hello = z.object({
  type: z.literal('hello'),
  protocol: z.int().min(1),
  node: nodeName,
  version: z.string().max(64),
  labels,
  serves: z.array(z.string().min(1).max(400)).max(256),
  understands: z.array(z.string().max(64)).max(64).optional(),
  addresses: z.array(z.string().min(1).max(253)).max(16),
  held: z.array(held).max(10_000),
  discovery,
});
const applied = held.extend({ type: z.literal('applied'), tookMs });
const rejected = held.extend({
  type: z.literal('rejected'),
  reasons: z.array(z.string().max(4096)).max(100),
  serving: held.nullable(),
});
const resend = z.object({ type: z.literal('resend'), gateway });
const ping = z.object({
  type: z.literal('ping'),
  held: z.array(held).max(10_000),
  envoy: z.enum(['live', 'down']),
});

const goodbye = z.object({ type: z.literal('goodbye') });

const nodeMessage = z.discriminatedUnion('type', [hello, applied, rejected, resend, ping, goodbye]);

/** A message, or sentences that say what is wrong with the text. */
type ParsedNodeMessage =
  | { readonly ok: true; readonly message: NodeMessage }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Parses one WebSocket text message of a node; never throws. */
export function parseNodeMessage(text: string): ParsedNodeMessage {
  if (text.length > nodeMessageLengthMax) return { ok: false, problems: ['message: too long'] };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problems: ['message: not JSON'] };
  }
  const parsed = nodeMessage.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const problems = parsed.error.issues.slice(0, 10).map((issue) => {
    return `${issue.path.length === 0 ? 'message' : issue.path.join('.')}: ${issue.message}`;
  });
  return { ok: false, problems };
}
