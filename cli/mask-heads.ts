import type { TrainingConfig } from '../lib/federation/schemas.ts';
import type { Task } from '../lib/federation/tasks.ts';

/**
 * Weights of the segmentations' heads in a student that also learns landmarks. Landmarks are decoded to centres and need a
 * large foreground weight; with it, a student learns where calcium lies rather than how dense it is.
 */
export function maskHeads(tasks: readonly Task[]): { readonly heads?: NonNullable<TrainingConfig['heads']> } {
  const masks = tasks.filter(({ kind }) => kind === 'segmentation');
  if (masks.length === 0 || masks.length === tasks.length) return {};
  return { heads: Object.fromEntries(masks.map(({ id }) => [id, { foregroundWeight: 2, weight: 1 }])) };
}
