/** The figures of one update and what they were taken over. */
export interface WeightedFigures {
  readonly samples: number;
  readonly figures: Readonly<Record<string, number>>;
}

/**
 * The mean of every figure, each update weighted with its samples. A figure that only some updates have is the mean
 * over those.
 */
export function meanFigures(updates: readonly WeightedFigures[]): Readonly<Record<string, number>> {
  const names = [...new Set(updates.flatMap(({ figures }) => Object.keys(figures)))].sort();
  return Object.fromEntries(
    names.map((name) => {
      const having = updates.flatMap(({ samples, figures }) => {
        const value = figures[name];
        return value === undefined ? [] : [{ samples, value }];
      });
      const total = having.reduce((sum, { samples }) => sum + samples, 0);
      return [name, having.reduce((sum, { samples, value }) => sum + (samples / total) * value, 0)];
    }),
  );
}
