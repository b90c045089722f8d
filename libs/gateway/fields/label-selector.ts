// Parses label selectors and matches labels by them: matchLabels and matchExpressions must all hold.
import type { Cursor } from './cursor.ts';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  readonly values: readonly string[];
}

/** Every requirement must hold; none = every object is selected. */
export type LabelSelector = readonly LabelRequirement[];

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** Parses a LabelSelector; mistakes are noted on the cursor. */
export function parseLabelSelector(at: Cursor): LabelSelector {
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(at.field('matchLabels').stringMap(256))) {
    requirements.push({ key, operator: 'In', values: [value] });
  }
  for (const expression of at.field('matchExpressions').items(256)) {
    const key = expression.field('key').requiredText({ min: 1, max: 317 });
    const operator = expression.field('operator').present
      ? expression.field('operator').oneOf(operators)
      : expression.field('operator').problem('is missing');
    const values = expression
      .field('values')
      .items(1024)
      .flatMap((item) => item.requiredText() ?? []);
    if (key === undefined || operator === undefined) continue;
    const wantsValues = operator === 'In' || operator === 'NotIn';
    if (wantsValues !== values.length > 0) expression.field('values').problem(`does not fit the operator ${operator}`);
    requirements.push({ key, operator, values });
  }
  return requirements;
}

/** Tells whether labels satisfy a selector. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
  return selector.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values }: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  const listed = value !== undefined && values.includes(value);
  return operator === 'In' ? listed : !listed;
}
