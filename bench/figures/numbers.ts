/** The median; the lower of the middle two for an even number of values. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] as number;

/** Rounds to three significant digits. */
export const significant = (value: number): number => Number(value.toPrecision(3));
