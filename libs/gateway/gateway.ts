// Gateway: what it asks for. Its listeners are read by listener.ts.
import { openBody } from '#libs/gateway/cursor.ts';
import { type Listener, parseListeners } from '#libs/gateway/listener.ts';
import { objectName } from '#libs/gateway/names.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

export interface Gateway {
  readonly className: string;
  readonly listeners: readonly Listener[];
  /** Addresses that the user asks for. */
  readonly addresses: readonly string[];
  /** Client certificates are demanded. */
  readonly demandsClientCertificates: boolean;
  /** Mistakes outside the listeners, and listeners without a usable name. */
  readonly problems: readonly Problem[];
}

/** The name of the class, or undefined where there is none to read. */
export function gatewayClassName(object: KubeObject): string | undefined {
  return openBody(object, 'spec').at.field('gatewayClassName').text(objectName);
}

/** Reads a Gateway. Whatever it holds, this gives a value. */
export function parseGateway(object: KubeObject, namespace: string): Gateway {
  const { at, problems } = openBody(object, 'spec');
  at.requiredObject();
  const className = at.field('gatewayClassName').requiredText(objectName) ?? '';
  const listeners = parseListeners(at, namespace);
  const addresses = at
    .field('addresses')
    .items(16)
    .flatMap((item) => item.field('value').text({ max: 253 }) ?? []);
  if (at.field('infrastructure').field('parametersRef').present) {
    at.field('infrastructure').field('parametersRef').problem('is not supported');
  }
  return {
    className,
    listeners,
    addresses,
    demandsClientCertificates: at.field('tls').field('frontend').present,
    problems,
  };
}
