import { own } from '../own.ts';

/** The figures of one update, means over its samples. */
export interface WeightedFigures {
  readonly samples: number;
  readonly figures: Readonly<Record<string, number>>;
}

/**
 * The mean of every figure over the updates that have it, weighted with their samples. A mean that overflows is left out:
 * JSON has no infinity.
 */
export function meanFigures(updates: readonly WeightedFigures[]): Readonly<Record<string, number>> {
  const names = [...new Set(updates.flatMap(({ figures }) => Object.keys(figures)))].sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = updates.flatMap(({ samples, figures }) => {
        const value = own(figures, name);
        return value === undefined ? [] : [{ samples, value }];
      });
      const total = found.reduce((sum, { samples }) => sum + samples, 0);
      const mean = found.reduce((sum, { samples, value }) => sum + (samples / total) * value, 0);
      return Number.isFinite(mean) ? [[name, mean]] : [];
    }),
  );
}
