import type { Segment } from './layout.ts';

/** Values of one segment, those of every file together: `start` up to `end`, exclusive. */
export interface Slice {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts segments into slices.
 *
 * @param elements values of a slice, at most
 */
export const slicesOf = (segments: readonly Segment[], elements: number): readonly Slice[] =>
  segments.flatMap((segment) =>
    Array.from({ length: Math.ceil(segment.elements / elements) }, (_, i) => {
      return { segment, start: i * elements, end: Math.min((i + 1) * elements, segment.elements) };
    }),
  );

/** The tensor that holds a value of a slice, counted from the slice's start. */
export const tensorAt = ({ segment, start }: Slice, index: number): string =>
  segment.tensors.findLast((tensor) => tensor.start <= start + index)?.name as string;
