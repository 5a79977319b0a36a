import { type MergeContext, type MergeSource, ownSource, slicesOfMerge, updateSource } from './merge-context.ts';
import { openPass } from './pass.ts';
import { clippingFactors, createProducts, type Products, squaredDistances } from './products.ts';
import { finiteFloats } from './values.ts';

/** What is known of the updates before they are merged. */
export interface Survey {
  /** Indices of the updates to merge, in ascending order. */
  readonly chosen: readonly number[];
  /** What each update's difference from the base is to be scaled with: 1 where it is not clipped. */
  readonly factors: readonly number[];
}

/**
 * Finds which updates the strategy merges, and by how much they are clipped. Reads them for it, to the end, where
 * that depends on their values. Without a base nothing is clipped.
 */
export async function surveyUpdates(opened: MergeContext): Promise<Survey> {
  const { options, strategy, base, updates } = opened;
  const { clipNorm } = options.aggregation;
  const clips = clipNorm !== undefined && base !== undefined;
  const all = updates.map((_, index) => index);
  const unclipped = updates.map(() => 1);
  if (!clips && !strategy.select) return { chosen: all, factors: unclipped };

  const products = await productsOf(opened, strategy.select !== undefined);
  const factors = clips ? clippingFactors(products, updates.length, clipNorm) : unclipped;
  return { chosen: strategy.select?.(squaredDistances(products, factors)) ?? all, factors };
}

/** Reads all updates once for the products of their differences from the base; without one, of their values. */
async function productsOf(opened: MergeContext, pairs: boolean): Promise<Products> {
  const { options, base, updates, kernels } = opened;
  const { delta, onPart } = options;
  const origin = base && !delta ? ownSource(base, 'base') : undefined;
  const sources: readonly MergeSource[] = updates.map(updateSource(opened));
  const slices = slicesOfMerge(opened, { rows: updates.length });
  const capacity = Math.max(...slices.map(({ start, end }) => end - start));
  const products = createProducts(updates.length, pairs, kernels);
  const decoded = kernels.float32(options.dtype === 'F32' ? 0 : capacity);
  const rows = updates.map(() => kernels.float32(capacity));
  const from = kernels.float32(origin ? capacity : 0);
  const pass = openPass(opened, origin ? [origin, ...sources] : sources, slices);

  let next = 0;
  for await (const block of pass.blocks) {
    const { slice, source } = block;
    const isLast = source === sources.at(-1);
    if (slice.segment.kind === 'float') {
      const size = slice.end - slice.start;
      const held = source.role === 'base' ? from : (rows[next++] as Float32Array);
      held.set(finiteFloats(block, kernels, decoded));
      if (isLast) {
        const filled = rows.map((row) => row.subarray(0, size));
        products.add(filled, origin && from.subarray(0, size));
        next = 0;
      }
    }
    if (isLast) await onPart?.();
  }
  await pass.verify();
  return products;
}
