/** Of an even number of values the lower of the middle two. */
export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] as number;

/** Three significant digits. */
export const significant = (value: number): number => Number(value.toPrecision(3));
