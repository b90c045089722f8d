// Checks what an API server demands of a status of the Gateway API, whatever the object: limits of lists and texts,
// patterns of reasons. What breaks one of them is refused whole, so that its owner is told nothing.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';

const listsMax: Readonly<Record<string, number>> = {
  parents: 32,
  ancestors: 16,
  conditions: 8,
  addresses: 16,
  listeners: 64,
  supportedKinds: 8,
  supportedFeatures: 64,
};
const reason = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;
const conditionType =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$/;
const sectionName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const messageLengthMax = 32_768;
const bytesMax = 500_000;

/** Says what of a status an API server would refuse, with its place. */
export function statusFaults({ status }: DesiredStatus): readonly string[] {
  const bytes = JSON.stringify(status).length;
  return [...(bytes > bytesMax ? [`it has ${bytes} bytes`] : []), ...faultsIn(status, 'status')];
}

function faultsIn(value: unknown, at: string): readonly string[] {
  if (Array.isArray(value)) {
    const max = listsMax[at.slice(at.lastIndexOf('.') + 1)] ?? 1000;
    return [
      ...(value.length > max ? [`${at} has ${value.length} items`] : []),
      ...value.flatMap((item, index) => faultsIn(item, `${at}[${index}]`)),
    ];
  }
  if (!isRecord(value)) return typeof value === 'number' && !Number.isSafeInteger(value) ? [`${at} is ${value}`] : [];
  return [
    ...('reason' in value ? conditionFaults(value, at) : []),
    ...('attachedRoutes' in value && !isText(value['name'], sectionName, 253) ? [`${at}.name`] : []),
    ...Object.entries(value).flatMap(([field, inner]) => faultsIn(inner, `${at}.${field}`)),
  ];
}

function conditionFaults(condition: Readonly<Record<string, unknown>>, at: string): readonly string[] {
  const { type, status, observedGeneration, message } = condition;
  return [
    ...(isText(type, conditionType, 316) ? [] : [`${at}.type`]),
    ...(status === 'True' || status === 'False' || status === 'Unknown' ? [] : [`${at}.status`]),
    ...(isText(condition['reason'], reason, 1024) ? [] : [`${at}.reason ${String(condition['reason'])}`]),
    ...(typeof message === 'string' && message.length <= messageLengthMax ? [] : [`${at}.message`]),
    ...(typeof observedGeneration === 'number' && observedGeneration >= 0 ? [] : [`${at}.observedGeneration`]),
  ];
}

function isText(value: unknown, pattern: RegExp, max: number): boolean {
  return typeof value === 'string' && value.length <= max && pattern.test(value);
}
