import { type Clipping, clippingOf, clips } from './clipping.ts';
import { type MergeContext, type MergeSource, ownSource, slicesOfMerge, updateSource } from './merge-context.ts';
import { openPass } from './pass.ts';
import { createProducts, type Products, squaredDistances } from './products.ts';
import { longest } from './slices.ts';
import { finiteFloats } from './values.ts';

/** The updates to merge. */
export interface Selection {
  /** Indices of the updates to merge, in ascending order. */
  readonly chosen: readonly number[];
  /** By index of the update; undefined if it is not known yet, or nothing is clipped. */
  readonly clipping: readonly Clipping[] | undefined;
}

/**
 * Selects the updates that the strategy merges. Reads all updates if the result depends on their values, and then also
 * finds how they are clipped. Such a strategy clips nothing without a base.
 */
export async function selectUpdates(context: MergeContext): Promise<Selection> {
  const { options, strategy, base, updates } = context;
  if (!strategy.select) return { chosen: [...updates.keys()], clipping: undefined };

  const products = await productsOf(context);
  const norms = updates.map((_, i) => Math.sqrt(products.dot(i, i)));
  const clipping = base && clips(options.aggregation, true) ? clippingOf(norms, options.aggregation, true) : undefined;
  const factors = updates.map((_, i) => clipping?.[i]?.factor ?? 1);
  return { chosen: strategy.select(squaredDistances(products, factors)), clipping };
}

/** Reads all updates once. Returns the inner products of their differences from the base or, without a base, of their values. */
async function productsOf(context: MergeContext): Promise<Products> {
  const { options, base, updates, kernels } = context;
  const { delta, onPart } = options;
  const origin = base && !delta ? ownSource(base, 'base') : undefined;
  const sources: readonly MergeSource[] = updates.map(updateSource(context));
  const slices = slicesOfMerge(context, { rows: updates.length });
  const capacity = longest(slices);
  const products = createProducts(updates.length, kernels);
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
