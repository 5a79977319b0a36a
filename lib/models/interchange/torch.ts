import type { ModelConfig } from '../../federation/schemas.ts';
import type { TaskId } from '../../federation/tasks.ts';
import type { Tensors, Weights } from '../../weights/weights.ts';
import { toMonai } from './monai.ts';
import { toNnunet } from './nnunet.ts';

/** A model as PyTorch has it: MONAI's `SwinUNETR`, nnU-Net's `PlainConvUNet`. Throws as these conversions do. */
export const asTorch = (model: ModelConfig, weights: Weights, heads: readonly TaskId[]): Tensors =>
  model.kind === 'swin-unetr' ? toMonai(weights, model, heads) : toNnunet(weights, model, heads);
