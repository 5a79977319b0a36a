import type { Json } from '../../cdk/isolation/resolve.ts';

/**
 * Whether an EventBridge pattern matches an event: every field of the pattern is a list of alternatives, or a pattern of
 * the nested object (EventBridge user guide, "Event patterns"). Understands exact values, `prefix`, `exists` and
 * `anything-but`.
 *
 * @throws Error for any other operator
 */
export function matches(pattern: Json, event: unknown): boolean {
  if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern)) return false;
  return Object.entries(pattern as Readonly<Record<string, Json>>).every(([field, wanted]) => {
    const value = (event as Readonly<Record<string, unknown>> | undefined)?.[field];
    if (!Array.isArray(wanted)) return matches(wanted, value);
    const values = Array.isArray(value) ? value : [value];
    return wanted.some((alternative) => values.some((one) => isMatch(alternative, one)));
  });
}

function isMatch(alternative: Json, value: unknown): boolean {
  if (typeof alternative !== 'object' || alternative === null) return alternative === (value ?? null);
  const [[operator, operand] = ['', null]] = Object.entries(alternative);
  switch (operator) {
    case 'prefix':
      return typeof value === 'string' && value.startsWith(operand as string);
    case 'exists':
      return (value !== undefined) === operand;
    case 'anything-but':
      return value !== undefined && ![operand].flat().includes(value as Json);
    default:
      throw new Error(`The operator ${operator} of an event pattern is not understood.`);
  }
}
