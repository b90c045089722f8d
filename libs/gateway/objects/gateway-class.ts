// Parses a GatewayClass, which says which controller its Gateways belong to, and gives their default parameters.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { type ParametersRef, parseParametersRef } from '#libs/gateway/fields/infrastructure.ts';
import { controllerName } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

interface GatewayClass {
  /** Whether it names our controller; another controller's class is none of our business. */
  readonly ours: boolean;
  readonly parameters?: ParametersRef;
}

/** Reads a GatewayClass. Whatever it holds, this gives a value. */
export function parseGatewayClass(object: KubeObject): GatewayClass {
  const { at } = openBody(object, 'spec');
  const ours = at.field('controllerName').text() === controllerName;
  const parameters = parseParametersRef(at.field('parametersRef'), '');
  return { ours, ...(parameters === undefined ? {} : { parameters }) };
}
