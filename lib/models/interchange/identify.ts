import { FedcardioError } from '../../error.ts';
import type { ModelConfig } from '../../federation/schemas.ts';
import type { Tensors } from '../../weights/weights.ts';
import { monaiFacts } from './monai-facts.ts';
import { nnunetFacts } from './nnunet-facts.ts';

const MODULES: Readonly<Record<ModelConfig['kind'], string>> = {
  'swin-unetr': "MONAI's SwinUNETR",
  unet: "nnU-Net's PlainConvUNet",
};

/** Networks by names of their tensors. The first match counts. */
const NETWORKS: readonly (readonly [RegExp, string])[] = [
  [/^swinViT\.patch_embed\.proj\.weight$/, MODULES['swin-unetr']],
  [/^encoder\.(stem|stages\.\d+\.blocks)\./, "nnU-Net's ResidualEncoderUNet"],
  [/^(encoder|decoder)\.stages\.\d+(\.0)?\.convs\.\d/, MODULES.unet],
  [/^conv_blocks_context\./, "nnU-Net 1's Generic_UNet"],
  [/^(encoder\.\d+\.conv1|out\.[^.]+\.conv\.conv)\.weight$/, "a network in fedcardio's own layout"],
  [/^(swinViT\.)?patch_embed\.|^layers\d\./, 'only the encoder of a SwinUNETR, as self-supervised training saves it'],
  [/\bsubmodule\./, "MONAI's UNet"],
  [/^upcat_\d\./, "MONAI's BasicUNet"],
  [/^(input_block|skip_layers)\./, "MONAI's DynUNet"],
  [/^vit\./, "MONAI's UNETR"],
  [/^(convInit|down_layers)\./, "MONAI's SegResNet"],
];

/**
 * Compares the network in a file with that of a stage before its tensors are compared one by one: "feature_size=48
 * instead of 12" says more than 150 shapes.
 *
 * @throws FedcardioError `BAD_WEIGHTS` that names the network, or its differing arguments
 */
export function requireSameNetwork(tensors: Tensors, model: ModelConfig): void {
  const wanted = MODULES[model.kind];
  const names = [...tensors.keys()];
  const found = NETWORKS.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
  if (found === undefined) return;
  if (found !== wanted) {
    throw new FedcardioError('BAD_WEIGHTS', `The file holds ${found}; the stage's network is ${wanted}.`, {
      hint: found.includes('own layout')
        ? 'Write it with `npx fedcardio export --format torch`.'
        : 'Import it into a stage with that network, or save the whole state_dict of the network of the stage.',
    });
  }
  const facts = model.kind === 'swin-unetr' ? monaiFacts(tensors, model) : nnunetFacts(tensors, model);
  const differing = facts.filter(({ file, stage }) => file !== stage);
  if (differing.length === 0) return;
  const fixed = differing.filter(({ field }) => field === undefined);
  throw new FedcardioError(
    'BAD_WEIGHTS',
    `The file holds ${wanted} with ${differing.map(({ name, file, stage }) => `${name}=${file} instead of ${stage}`).join(', ')}.`,
    {
      hint:
        fixed.length > 0
          ? `fedcardio's network always has ${fixed.map(({ name, stage }) => `${name}=${stage}`).join(', ')}: the file cannot be used.`
          : `Set ${differing.map(({ field, file }) => `"${field}": ${file}`).join(', ')} in the stage's "model".`,
    },
  );
}
