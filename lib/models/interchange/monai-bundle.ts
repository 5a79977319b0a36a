import { encodeSafetensors } from '../../weights/safetensors.ts';
import { PURPOSE, type TrainedModel } from '../package.ts';
import { channelTitles, headChannels } from './channels.ts';
import { inputFor, inputOutside, monaiIntensity } from './input.ts';
import { exportMetadata } from './metadata.ts';
import { bundleReadme } from './monai-bundle-readme.ts';
import { asTorch } from './torch.ts';
import { CLASS_ARGUMENTS, plainConvUnetArguments, swinUnetrArguments } from './torch-network.ts';

/** Files by their paths in a folder. */
export type Files = ReadonlyMap<string, string | Uint8Array>;

/** Releases that the bundle was run with (scripts/fixtures/exported.py). */
const TESTED = {
  monai_version: '1.6.1',
  pytorch_version: '2.13.0',
  numpy_version: '2.4.6',
  packages: { safetensors: '0.8.0', nibabel: '5.4.2', 'pytorch-ignite': '0.5.5' },
  swin: { einops: '0.8.2' },
  unet: { 'dynamic-network-architectures': '0.4.4' },
} as const;
const META_SCHEMA =
  'https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json';

/**
 * A model as a MONAI bundle (https://docs.monai.io/en/stable/mb_specification.html), which `python -m monai.bundle run`
 * runs: network, weights as safetensors, and the preprocessing of fedcardio in MONAI's transforms. Each head becomes a
 * label map on the CT's own grid.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` for a network that MONAI does not have
 */
export const monaiBundle = (trained: TrainedModel): Files =>
  new Map<string, string | Uint8Array>([
    ['configs/metadata.json', json(metadata(trained))],
    ['configs/inference.json', json(inference(trained))],
    ['docs/README.md', bundleReadme(trained)],
    ['models/model.safetensors', encodeSafetensors(asTorch(trained, 'xyz'), exportMetadata(trained.tasks, 'xyz'))],
  ]);

function metadata({
  model,
  tasks,
  patch,
  intensity,
  origin: { campaign, stage, round },
  trainedOnPhantoms,
}: TrainedModel) {
  const titles = channelTitles(tasks);
  const { low, high } = intensity;
  const format = { type: 'image', spatial_shape: [patch, patch, patch], dtype: 'float32', is_patch_data: true };
  const { packages, swin, unet, ...versions } = TESTED;
  return {
    schema: META_SCHEMA,
    version: '1.0.0',
    changelog: { '1.0.0': `Round ${round} of stage ${stage} of campaign ${campaign}.` },
    ...versions,
    required_packages_version: { ...packages, ...(model.kind === 'unet' ? unet : swin) },
    task: tasks.map(({ title }) => title).join('; '),
    name: `${campaign} ${stage}`,
    description: `Cardiac CT model of the federated campaign ${campaign}, stage ${stage}; see MODEL_CARD.md.`,
    authors: 'fedcardio',
    copyright: 'See MODEL_CARD.md.',
    data_source: trainedOnPhantoms ? 'Synthetic CTs of fedcardio.' : 'CTs that stayed at the sites of a federation.',
    data_type: 'nibabel',
    image_classes: 'Cardiac CT in HU.',
    label_classes: titles.join('; '),
    pred_classes: titles.join('; '),
    intended_use: `This model is ${PURPOSE}.`,
    references: ['https://doi.org/10.1038/s41746-025-01434-3'],
    network_data_format: {
      inputs: {
        image: {
          ...format,
          format: 'hounsfield',
          modality: 'CT',
          num_channels: 1,
          value_range: low === null || high === null ? [] : [low, high].flatMap((v) => inputFor(v, intensity) ?? []),
          channel_def: { 0: 'image' },
        },
      },
      outputs: {
        pred: {
          ...format,
          format: 'segmentation',
          num_channels: titles.length,
          value_range: [],
          channel_def: Object.fromEntries(titles.entries()),
        },
      },
    },
  };
}

function inference(trained: TrainedModel) {
  const { tasks, patch, spacing, intensity } = trained;
  const heads = headChannels(tasks);
  const outputs = tasks.map(({ id }) => `pred_${id}`);
  return {
    imports: ['$import glob', '$from safetensors.torch import load_file'],
    bundle_root: '.',
    dataset_dir: "$@bundle_root + '/images'",
    output_dir: "$@bundle_root + '/predictions'",
    device: "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    network_def: networkDefinition(trained),
    network: '$@network_def.to(@device)',
    weights: "$@bundle_root + '/models/model.safetensors'",
    load: '$@network_def.load_state_dict(load_file(@weights), strict=True)',
    preprocessing: {
      _target_: 'Compose',
      transforms: [
        { _target_: 'LoadImaged', keys: 'image', ensure_channel_first: true },
        { _target_: 'Orientationd', keys: 'image', axcodes: 'RAS' },
        { _target_: 'Spacingd', keys: 'image', pixdim: [spacing, spacing, spacing], mode: 'bilinear' },
        ...monaiIntensity(intensity),
        { _target_: 'EnsureTyped', keys: 'image', dtype: '$torch.float32' },
      ],
    },
    dataset: {
      _target_: 'Dataset',
      data: "$[{'image': path} for path in sorted(glob.glob(@dataset_dir + '/*.nii.gz'))]",
      transform: '@preprocessing',
    },
    dataloader: { _target_: 'DataLoader', dataset: '@dataset', batch_size: 1, shuffle: false, num_workers: 0 },
    inferer: {
      _target_: 'SlidingWindowInferer',
      roi_size: [patch, patch, patch],
      sw_batch_size: 1,
      overlap: 0.5,
      mode: 'gaussian',
      cval: inputOutside(intensity),
    },
    heads: heads.map(({ first, end }) => [first, end]),
    postprocessing: {
      _target_: 'Compose',
      transforms: [
        {
          _target_: 'Lambdad',
          keys: 'pred',
          func: '$lambda logits: torch.stack([logits[first:end].argmax(0) for first, end in @heads]).float()',
        },
        { _target_: 'Invertd', keys: 'pred', transform: '@preprocessing', orig_keys: 'image', nearest_interp: true },
        { _target_: 'SplitDimd', keys: 'pred', dim: 0, keepdim: true, output_postfixes: tasks.map(({ id }) => id) },
        ...tasks.map(({ id }, i) => ({
          _target_: 'SaveImaged',
          keys: outputs[i],
          output_dir: '@output_dir',
          output_postfix: id,
          output_dtype: '$numpy.uint8',
          separate_folder: false,
        })),
      ],
    },
    evaluator: {
      _target_: 'SupervisedEvaluator',
      device: '@device',
      val_data_loader: '@dataloader',
      network: '@network',
      inferer: '@inferer',
      postprocessing: '@postprocessing',
    },
    initialize: ['$@load'],
    run: ['$@evaluator.run()'],
  };
}

function networkDefinition({ model, tasks }: TrainedModel) {
  const channels = channelTitles(tasks).length;
  if (model.kind === 'swin-unetr') {
    return { _target_: 'SwinUNETR', out_channels: channels, ...swinUnetrArguments(model) };
  }
  const given = plainConvUnetArguments(model);
  const classes = CLASS_ARGUMENTS.map((name) => [name, given[name] === null ? null : `$${given[name]}`]);
  return {
    _target_: 'dynamic_network_architectures.architectures.unet.PlainConvUNet',
    input_channels: 1,
    num_classes: channels,
    ...given,
    ...Object.fromEntries(classes),
  };
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
