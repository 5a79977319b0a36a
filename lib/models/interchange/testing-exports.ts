import type { ModelConfig } from '../../federation/schemas.ts';
import { TASKS, type Task } from '../../federation/tasks.ts';
import { CT_INTENSITY } from '../../imaging/intensity.ts';
import { writeNifti } from '../../imaging/nifti-write.ts';
import { numbers } from '../../nn/testing.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import type { TrainedModel } from '../package.ts';
import { unevenWeights } from './testing.ts';
import { asTorch } from './torch.ts';

/** Voxels of {@link ctFile} and of the networks, mm. */
export const SPACING = 3;

/** Exports that scripts/fixtures/exported.py runs in MONAI, by name. The Swin UNETR's last windows are
 * of 4³ tokens instead of 7³. */
export const EXPORTS = {
  'swin-unetr': exported(
    { kind: 'swin-unetr', featureSize: 12, depths: [2, 2, 2, 2], heads: [3, 6, 12, 24], window: 7 },
    [TASKS.calcification, TASKS['membranous-septum']],
    64,
  ),
  unet: exported({ kind: 'unet', features: [4, 6, 8, 10], deepSupervision: true }, [TASKS['hinge-points']], 32),
} as const;

function exported(model: ModelConfig, tasks: readonly Task[], patch: number): TrainedModel {
  const hash = '0'.repeat(64);
  return {
    model,
    tasks,
    patch,
    spacing: SPACING,
    heartCrop: null,
    intensity: CT_INTENSITY,
    weights: unevenWeights(model, tasks),
    sha256: hash,
    origin: { campaign: 'fixture', stage: model.kind, round: 1, commit: hash },
    trainedOnPhantoms: true,
  };
}

/** The tensors of an export for MONAI's order of axes, without the header's text. */
export const torchFile = (model: TrainedModel): Uint8Array => encodeSafetensors(asTorch(model, 'xyz'));

/**
 * A CT of noise, HU, stored with its axes to inferior, right and anterior. In RAS it is of 64 × 96 × 80 voxels, so that
 * fedcardio and MONAI place windows of 64³ and 32³ alike.
 */
export function ctFile(): Uint8Array {
  const shape = [80, 64, 96] as const;
  const affine = [
    [0, SPACING, 0, -70],
    [0, 0, SPACING, -90],
    [-SPACING, 0, 0, 40],
    [0, 0, 0, 1],
  ] as const;
  const data = Int16Array.from(numbers('ct', shape), (value) => Math.round(400 + 2000 * value));
  return writeNifti({ shape, affine, data });
}
