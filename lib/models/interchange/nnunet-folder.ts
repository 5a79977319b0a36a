import { FedcardioError } from '../../error.ts';
import type { UNetConfig } from '../../federation/schemas.ts';
import { classTitle, type Task } from '../../federation/tasks.ts';
import { encodeSafetensors } from '../../weights/safetensors.ts';
import { PURPOSE, type TrainedModel } from '../package.ts';
import { onlyTask } from './channels.ts';
import { inputOutside, nnunetIntensity } from './input.ts';
import { exportMetadata } from './metadata.ts';
import type { Files } from './monai-bundle.ts';
import { asTorch } from './torch.ts';
import { CLASS_ARGUMENTS, plainConvUnetArguments } from './torch-network.ts';

const WEIGHTS = 'fold_all/checkpoint_final.safetensors';

/**
 * A UNet as a folder of a trained model of nnU-Net 2: plans, dataset and weights as safetensors, with the preprocessing of
 * fedcardio in nnU-Net's terms. Its README turns the weights into the checkpoint that nnU-Net's commands read.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` for another network, or for several heads
 */
export function nnunetFolder(trained: TrainedModel): Files {
  const { model, tasks } = trained;
  if (model.kind !== 'unet') {
    throw new FedcardioError('BAD_CONFIGURATION', 'nnU-Net has no Swin UNETR.', { hint: 'Use --format monai-bundle.' });
  }
  const task = onlyTask(tasks, 'nnU-Net');
  return new Map<string, string | Uint8Array>([
    ['dataset.json', json(dataset(task))],
    ['plans.json', json(plans(trained, model))],
    [WEIGHTS, encodeSafetensors(asTorch(trained, 'zyx'), exportMetadata(tasks, 'zyx'))],
    ['README.md', readme(trained, task)],
  ]);
}

/** Labels of one task, whose names nnU-Net takes as they are. */
const dataset = ({ classes }: Task) => ({
  channel_names: { 0: 'CT' },
  labels: { background: 0, ...Object.fromEntries(classes.map((name, i) => [name, i + 1])) },
  numTraining: 0,
  file_ending: '.nii.gz',
  overwrite_image_reader_writer: READER,
});

/** Turns volumes to RAS, and feeds them as [z, y, x]. */
const READER = 'NibabelIOWithReorient';

function plans({ patch, spacing, intensity, origin }: TrainedModel, model: UNetConfig) {
  const { scheme, properties } = nnunetIntensity(intensity);
  const cube = (value: number) => [value, value, value];
  const resampling = (name: string, isLabel: boolean, order: number) => ({
    [`resampling_fn_${name}`]: 'resample_data_or_seg_to_shape',
    [`resampling_fn_${name}_kwargs`]: { is_seg: isLabel, order, order_z: 0, force_separate_z: null },
  });
  return {
    dataset_name: `Dataset001_${origin.campaign}`,
    plans_name: 'nnUNetPlans',
    original_median_spacing_after_transp: cube(spacing),
    original_median_shape_after_transp: cube(patch),
    image_reader_writer: READER,
    transpose_forward: [0, 1, 2],
    transpose_backward: [0, 1, 2],
    configurations: {
      '3d_fullres': {
        data_identifier: 'nnUNetPlans_3d_fullres',
        preprocessor_name: 'DefaultPreprocessor',
        batch_size: 2,
        patch_size: cube(patch),
        median_image_size_in_voxels: cube(patch),
        spacing: cube(spacing),
        normalization_schemes: [scheme],
        use_mask_for_norm: [false],
        ...resampling('data', false, 1),
        ...resampling('seg', true, 1),
        ...resampling('probabilities', false, 1),
        architecture: {
          network_class_name: 'dynamic_network_architectures.architectures.unet.PlainConvUNet',
          arch_kwargs: plainConvUnetArguments(model),
          _kw_requires_import: CLASS_ARGUMENTS,
        },
        batch_dice: true,
      },
    },
    experiment_planner_used: 'ExperimentPlanner',
    label_manager: 'LabelManager',
    foreground_intensity_properties_per_channel: { 0: properties },
  };
}

const readme = (
  { origin, heartCrop, spacing, intensity }: TrainedModel,
  { id, kind, classes, ...task }: Task,
): string => `# ${origin.campaign}, ${origin.stage}

A trained model for nnU-Net 2, ${PURPOSE}. What it was trained on and how well it scored is in
[MODEL_CARD.md](MODEL_CARD.md). Labels of the task \`${id}\`: 0 background, ${classes.map((_, i) => `${i + 1} ${classTitle({ id, kind, classes, ...task } as Task, i + 1)}`).join(', ')}.

The weights are safetensors, which hold no code. With nnU-Net 2.8.1, in this folder:

    pip install nnunetv2==2.8.1 safetensors
    python - <<'END'
    import torch
    from safetensors.torch import load_file
    torch.save({
        "network_weights": load_file("${WEIGHTS}"),
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": None,
    }, "fold_all/checkpoint_final.pth")
    END
    nnUNetv2_predict_from_modelfolder -i <CTs, as *_0000.nii.gz> -o <predictions> -m . -f all --disable_tta

\`load_state_dict\` of nnU-Net's \`PlainConvUNet\` accepts the tensors with \`strict=True\`. Leave mirroring off (\`--disable_tta\`): left
is not right. The network gets [z, y, x] of RAS (\`${READER}\`) and voxels of ${spacing} mm.
${kind === 'landmarks' ? "\nA label is a sphere around a point: the point is the centroid of the label's largest connected component.\n" : ''}
\`fedcardio predict\` differs in these points:

- ${heartCrop === null ? 'It predicts the whole CT, as nnU-Net does.' : `It predicts a cube of ${heartCrop} mm around the heart if it finds one; nnU-Net predicts the whole CT.`}
- It averages over voxels where they become 1.5 times larger or more; nnU-Net interpolates between them, and where an axis is
  much coarser than the others, takes the nearest along it.
- It fills what lies outside a small CT with an input of ${inputOutside(intensity).toFixed(2)} (air in a CT); nnU-Net with 0.
`;

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
