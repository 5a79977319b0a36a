import type { ModelConfig } from '../../federation/schemas.ts';
import type { TaskId } from '../../federation/tasks.ts';
import { decodeTensors } from '../../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../../weights/safetensors-header.ts';
import type { Tensors, Weights } from '../../weights/weights.ts';
import { headsOfMetadata } from './metadata.ts';
import { fromMonai, toMonai } from './monai.ts';
import { fromNnunet, toNnunet } from './nnunet.ts';

/** A model in PyTorch's format: MONAI's `SwinUNETR` or nnU-Net's `PlainConvUNet`. Throws as these conversions do. */
export const asTorch = (model: ModelConfig, weights: Weights, heads: readonly TaskId[]): Tensors =>
  model.kind === 'swin-unetr' ? toMonai(weights, model, heads) : toNnunet(weights, model, heads);

/**
 * The inverse of {@link asTorch}, from a safetensors file.
 *
 * @param heads tasks of the output channels; by default those in the file's header, otherwise none: only the body is
 *   read
 */
export function fromTorch(model: ModelConfig, file: Uint8Array, heads?: readonly TaskId[]): Weights {
  const whose = heads ?? headsOfMetadata(parseSafetensorsHeader(file).metadata) ?? [];
  const tensors = decodeTensors(file, { finite: true });
  return model.kind === 'swin-unetr' ? fromMonai(tensors, model, whose) : fromNnunet(tensors, model, whose);
}
