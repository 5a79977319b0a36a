import { FedcardioError } from '../error.ts';
import { elementsOf, type Weights } from '../weights/weights.ts';

/** Differences between weights and the expected parameters; empty if there are none. */
export function parameterFaults(
  expected: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  weights: Weights,
): readonly string[] {
  return [
    ...[...expected.keys()].filter((name) => !weights.has(name)).map((name) => `${name} is missing`),
    ...[...weights.keys()].filter((name) => !expected.has(name)).map((name) => `${name} is unknown`),
    ...[...weights].flatMap(([name, { shape, data }]) => {
      const wanted = expected.get(name)?.shape;
      if (!wanted || (wanted.join() === shape.join() && data.length === elementsOf(wanted))) return [];
      return [`${name} is ${shape.join('×')} (${data.length} values) instead of ${wanted.join('×')}`];
    }),
  ];
}

/** Throws `BAD_WEIGHTS` with the first faults, if there are any. */
export function requireNoFaults(
  faults: readonly string[],
  hint = 'They come from a network of another configuration or with other heads.',
): void {
  if (faults.length === 0) return;
  const more = faults.length > 3 ? `, and ${faults.length - 3} more` : '';
  throw new FedcardioError('BAD_WEIGHTS', `the weights do not fit: ${faults.slice(0, 3).join(', ')}${more}.`, { hint });
}
