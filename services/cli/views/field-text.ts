// Writes changed fields as lines for people: `spec.rules[0].weight: 90 → 50`. Pure.
import { cut, oneLine } from './table.ts';

interface FieldChange {
  readonly path: string;
  /** undefined = there was none. */
  readonly before?: unknown;
  /** undefined = there is none. */
  readonly after?: unknown;
}

const valueWidth = 100;

/** Writes one line for a changed field. */
export function fieldLine({ path, before, after }: FieldChange): string {
  if (before === undefined) return `+ ${path}: ${valueText(after)}`;
  if (after === undefined) return `- ${path}: ${valueText(before)}`;
  return `~ ${path}: ${valueText(before)} → ${valueText(after)}`;
}

/** Writes a field with its value. */
export function fieldText({ path, value }: { readonly path: string; readonly value: unknown }): string {
  return `${path}: ${valueText(value)}`;
}

function valueText(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return cut(oneLine(text), valueWidth);
}
