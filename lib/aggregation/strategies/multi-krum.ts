import type { Aggregation } from '../../federation/schemas.ts';
import { fedavg } from './fedavg.ts';
import type { SquaredDistances, Strategy } from './strategy.ts';

type Config = Pick<Extract<Aggregation, { strategy: 'multi-krum' }>, 'byzantine' | 'keep'>;

/**
 * The unweighted mean of the updates that lie closest to the others (Blanchard et al. 2017, NeurIPS, sections 4 and 5).
 * With n updates, f of which may be arbitrary, an update's score is the sum of its squared distances from the n − f − 2
 * nearest others. The updates with the lowest scores are kept: by default and at most n − f − 2.
 */
export const multiKrum = ({ byzantine, keep }: Config): Strategy => ({
  moments: [],
  holdsAll: false,
  tolerates: (updates) => (updates >= neededFor(byzantine) ? byzantine : 0),
  impossible: (updates) => {
    const needed = neededFor(byzantine);
    if (updates >= needed) return undefined;
    return `Krum with byzantine ${byzantine} needs at least ${needed} updates, there are ${updates}.`;
  },
  select: (distances) => {
    const neighbours = distances.length - byzantine - 2;
    return lowest(krumScores(distances, neighbours), Math.min(keep ?? neighbours, neighbours));
  },
  createReducer: (updates, capacity, kernels) => {
    const mean = fedavg.createReducer(updates, capacity, kernels);
    return { ...mean, add: (values) => mean.add(values, 1) };
  },
});

/** Fewest updates of which `byzantine` may be arbitrary. */
const neededFor = (byzantine: number): number => 2 * byzantine + 3;

/** The sum of each update's squared distances from its `neighbours` nearest others. */
function krumScores(distances: SquaredDistances, neighbours: number): readonly number[] {
  return distances.map((row, self) => {
    const others = row.filter((_, other) => other !== self).sort((a, b) => a - b);
    return others.slice(0, neighbours).reduce((sum, distance) => sum + distance, 0);
  });
}

/** Indices of the `count` lowest scores, ascending. Among equal scores, the earlier update's. */
function lowest(scores: readonly number[], count: number): readonly number[] {
  const order = scores.map((_, index) => index).sort((a, b) => (scores[a] as number) - (scores[b] as number));
  return order.slice(0, count).sort((a, b) => a - b);
}
