import type { Segment } from './layout.ts';

/** A range of a segment's values, the same in every file. `end` is exclusive. */
export interface Slice {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

/**
 * Splits segments into slices.
 *
 * @param elements most values of a slice
 */
export const slicesOf = (segments: readonly Segment[], elements: number): readonly Slice[] =>
  segments.flatMap((segment) =>
    Array.from({ length: Math.ceil(segment.elements / elements) }, (_, i) => {
      return { segment, start: i * elements, end: Math.min((i + 1) * elements, segment.elements) };
    }),
  );

/** Values of the longest slice. */
export const longest = (slices: readonly Slice[]): number =>
  slices.reduce((most, { start, end }) => Math.max(most, end - start), 0);

/** Name of the tensor that holds a value of a slice. `index` counts from the slice's start. */
export const tensorAt = ({ segment, start }: Slice, index: number): string =>
  segment.tensors.findLast((tensor) => tensor.start <= start + index)?.name as string;
