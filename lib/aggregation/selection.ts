import { type MergeContext, type MergeSource, ownSource, slicesOfMerge, updateSource } from './merge-context.ts';
import { openPass } from './pass.ts';
import { clippingFactors, createProducts, type Products, squaredDistances } from './products.ts';
import { finiteFloats } from './values.ts';

/** The updates to merge. */
export interface Selection {
  /** Indices of the updates to merge, in ascending order. */
  readonly chosen: readonly number[];
  /** Factor of each update's difference from the base, by index of the update; 1 if it is not clipped. */
  readonly factors: readonly number[];
}

/**
 * Selects the updates that the strategy merges and computes their clipping factors. Reads all updates if the result
 * depends on their values. Without a base nothing is clipped.
 */
export async function selectUpdates(context: MergeContext): Promise<Selection> {
  const { options, strategy, base, updates } = context;
  const { clipNorm } = options.aggregation;
  const clips = clipNorm !== undefined && base !== undefined;
  const all = updates.map((_, index) => index);
  const unclipped = updates.map(() => 1);
  if (!clips && !strategy.select) return { chosen: all, factors: unclipped };

  const products = await productsOf(context, strategy.select !== undefined);
  const factors = clips ? clippingFactors(products, updates.length, clipNorm) : unclipped;
  return { chosen: strategy.select?.(squaredDistances(products, factors)) ?? all, factors };
}

/** Reads all updates once. Returns the inner products of their differences from the base or, without a base, of their values. */
async function productsOf(context: MergeContext, pairs: boolean): Promise<Products> {
  const { options, base, updates, kernels } = context;
  const { delta, onPart } = options;
  const origin = base && !delta ? ownSource(base, 'base') : undefined;
  const sources: readonly MergeSource[] = updates.map(updateSource(context));
  const slices = slicesOfMerge(context, { rows: updates.length });
  const capacity = Math.max(...slices.map(({ start, end }) => end - start));
  const products = createProducts(updates.length, pairs, kernels);
  const decoded = kernels.float32(options.dtype === 'F32' ? 0 : capacity);
  const rows = updates.map(() => kernels.float32(capacity));
  const from = kernels.float32(origin ? capacity : 0);
  const pass = openPass(context, origin ? [origin, ...sources] : sources, slices);

  let next = 0;
  for await (const block of pass.blocks) {
    const { slice, source } = block;
    const isLast = source === sources.at(-1);
    if (slice.segment.kind === 'float') {
      const size = slice.end - slice.start;
      const row = source.role === 'base' ? from : (rows[next++] as Float32Array);
      row.set(finiteFloats(block, kernels, decoded));
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
