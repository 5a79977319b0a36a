import { FedcardioError } from '../error.ts';
import { elementsOf, type Weights } from '../weights/weights.ts';

/** Differences between weights and the expected parameters. */
export interface ParameterFaults {
  readonly missing: readonly string[];
  readonly unknown: readonly string[];
  /** One text for each parameter of another shape. */
  readonly shapes: readonly string[];
}

/** Most names of a kind that a message lists. */
const LISTED = 3;

export function parameterFaults(
  expected: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  weights: Weights,
): ParameterFaults {
  return {
    missing: [...expected.keys()].filter((name) => !weights.has(name)),
    unknown: [...weights.keys()].filter((name) => !expected.has(name)),
    shapes: [...weights].flatMap(([name, { shape, data }]) => {
      const wanted = expected.get(name)?.shape;
      if (!wanted || (wanted.join() === shape.join() && data.length === elementsOf(wanted))) return [];
      return [`${name} is ${shape.join('×')} (${data.length} values) instead of ${wanted.join('×')}`];
    }),
  };
}

/** Throws `BAD_WEIGHTS` that lists names of every kind of fault, if there are any. */
export function requireNoFaults(
  { missing, unknown, shapes }: ParameterFaults,
  hint = 'They come from a network of another configuration or with other heads.',
): void {
  const faults = [
    ...listed(missing, 'missing', (name) => name),
    ...listed(unknown, 'unknown', (name) => {
      const nearest = nearestName(name, missing);
      return nearest === undefined ? name : `${name} (perhaps ${nearest})`;
    }),
    ...(shapes.length === 0 ? [] : [`of other shapes: ${firstOf(shapes)}`]),
  ];
  if (faults.length === 0) return;
  throw new FedcardioError('BAD_WEIGHTS', `The weights do not fit the network: ${faults.join('; ')}.`, { hint });
}

const listed = (names: readonly string[], what: string, show: (name: string) => string): readonly string[] =>
  names.length === 0 ? [] : [`${names.length} ${what}: ${firstOf(names, show)}`];

function firstOf(names: readonly string[], show: (name: string) => string = (name) => name): string {
  const more = names.length > LISTED ? `, and ${names.length - LISTED} more` : '';
  return `${names.slice(0, LISTED).map(show).join(', ')}${more}`;
}

/** The name with the longest common end, if at least two of its parts agree: prefixes are what usually differs. */
function nearestName(name: string, others: readonly string[]): string | undefined {
  const parts = name.split('.').reverse();
  let [nearest, most]: [string | undefined, number] = [undefined, 1];
  for (const other of others) {
    const reversed = other.split('.').reverse();
    const differs = parts.findIndex((part, i) => part !== reversed[i]);
    const common = differs < 0 ? parts.length : differs;
    if (common > most) [nearest, most] = [other, common];
  }
  return nearest;
}
