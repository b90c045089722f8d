// Reads why an object was changed: from annotations that whoever changes it writes. An annotation speaks of the change
// that set it or gave it another text, and of no later one.
import { annotations } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from './object.ts';

/** Says why a change was made, and which ticket asked for it; absent = the change does not say. */
interface ChangeReason {
  readonly reason?: string;
  readonly ticket?: string;
}

/** Names the annotations. */
const reasonAnnotations = { reason: 'fleetgate.dev/reason', ticket: 'fleetgate.dev/ticket' } as const;

/** Bounds what is kept of each, in UTF-16 code units; what is longer is cut. */
const lengthsMax = { reason: 1000, ticket: 200 } as const;

/** Gives what the change from `before` to `after` says; `before` undefined = there was no such object. */
export function reasonOfChange(before: KubeObject | undefined, after: KubeObject | null): ChangeReason {
  if (after === null) return {};
  const known = before?.metadata.uid === after.metadata.uid ? annotations(before) : {};
  const written = annotations(after);
  const said = (field: keyof typeof reasonAnnotations): ChangeReason => {
    const name = reasonAnnotations[field];
    const text = written[name];
    if (text === undefined || text === known[name]) return {};
    const line = text.replaceAll(/[\p{Cc}\s]+/gu, ' ').trim();
    return line === '' ? {} : { [field]: line.slice(0, lengthsMax[field]).toWellFormed() };
  };
  return { ...said('reason'), ...said('ticket') };
}

/** Gives those of an object's annotations that say why it was changed, and no other. */
export function reasonsAmong(written: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, string>> {
  const kept = Object.values(reasonAnnotations).flatMap((name): [string, string][] => {
    const text = written?.[name];
    return typeof text === 'string' ? [[name, text]] : [];
  });
  return Object.fromEntries(kept);
}
