// GatewayClass: which controller its Gateways belong to.
import { openBody } from '#libs/gateway/cursor.ts';
import { controllerName } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

export interface GatewayClass {
  /** Whether it names our controller; another controller's class is none of our business. */
  readonly ours: boolean;
  readonly problems: readonly Problem[];
}

/** Reads a GatewayClass. Whatever it holds, this gives a value. */
export function parseGatewayClass(object: KubeObject): GatewayClass {
  const { at, problems } = openBody(object, 'spec');
  const ours = at.field('controllerName').text() === controllerName;
  if (at.field('parametersRef').present)
    at.field('parametersRef').problem('is not supported: this class has no parameters');
  return { ours, problems };
}
