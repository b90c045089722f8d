// Reads the settings of data planes out of the ConfigMap behind a parametersRef. Every field may be left out.
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** The fields that are set; a Gateway's come before those of its class. */
export interface ParameterSet {
  readonly replicas?: number | 'auto';
  readonly serviceType?: 'LoadBalancer' | 'ClusterIP' | 'NodePort';
  readonly image?: string;
  readonly cpu?: string;
  readonly memory?: string;
  readonly merge?: 'none' | 'class';
}

/** Keys of the ConfigMap's data. */
export const parameterKeys = ['replicas', 'serviceType', 'image', 'cpu', 'memory', 'merge'] as const;
export const parameterLengthMax = 512;

const replicasMax = 1000;
const image = { min: 1, max: parameterLengthMax, pattern: /^[a-zA-Z0-9][-a-zA-Z0-9._/:@]*$/, expected: 'an image' };
const quantity = { min: 1, max: 32, pattern: /^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi)?$/, expected: 'a quantity' };

/** Reads the data of a ConfigMap. Fields that are not known are not in the history. */
export function parseParameters(object: KubeObject): {
  readonly value: ParameterSet;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const at = new Cursor(object['data'], 'data', problems);
  at.object();
  if (typeof object['problem'] === 'string') at.problem(object['problem']);
  const value = {
    replicas: parseReplicas(at.field('replicas')),
    serviceType: at.field('serviceType').oneOf(['LoadBalancer', 'ClusterIP', 'NodePort']),
    image: at.field('image').text(image),
    cpu: at.field('cpu').text(quantity),
    memory: at.field('memory').text(quantity),
    merge: at.field('merge').oneOf(['none', 'class']),
  };
  return { value: withoutAbsent(value), problems };
}

function parseReplicas(at: Cursor): number | 'auto' | undefined {
  const text = at.text({ min: 1, max: 16 });
  if (text === undefined || text === 'auto') return text;
  const count = /^[0-9]+$/.test(text) ? Number(text) : -1;
  return count >= 0 && count <= replicasMax ? count : at.problem(`must be a number up to ${replicasMax}, or auto`);
}

function withoutAbsent(value: { readonly [K in keyof ParameterSet]: ParameterSet[K] | undefined }): ParameterSet {
  const { replicas, serviceType, image: named, cpu, memory, merge } = value;
  return {
    ...(replicas === undefined ? {} : { replicas }),
    ...(serviceType === undefined ? {} : { serviceType }),
    ...(named === undefined ? {} : { image: named }),
    ...(cpu === undefined ? {} : { cpu }),
    ...(memory === undefined ? {} : { memory }),
    ...(merge === undefined ? {} : { merge }),
  };
}
