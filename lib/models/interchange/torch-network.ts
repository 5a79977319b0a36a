import { FedcardioError } from '../../error.ts';
import type { SwinUnetrConfig, UNetConfig } from '../../federation/schemas.ts';

/**
 * Arguments of MONAI's `SwinUNETR`, apart from `out_channels`.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` for patch merging that MONAI does not have any more
 */
export function swinUnetrArguments({ featureSize, depths, heads, window, merging }: SwinUnetrConfig) {
  if (merging !== undefined) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `MONAI 1.5 or later has no network that merges patches as ${merging}.`,
      {
        hint: 'Use --format torch or --format fedcardio.',
      },
    );
  }
  return {
    in_channels: 1,
    feature_size: featureSize,
    depths,
    num_heads: heads,
    window_size: window,
    downsample: 'merging',
    use_v2: false,
  };
}

/**
 * Arguments of nnU-Net's `PlainConvUNet`, apart from its channels, as nnU-Net's plans have them: classes by their names,
 * which `_kw_requires_import` lists.
 */
export const plainConvUnetArguments = ({ features }: UNetConfig) => ({
  n_stages: features.length,
  features_per_stage: features,
  conv_op: 'torch.nn.Conv3d',
  kernel_sizes: features.map(() => [3, 3, 3]),
  strides: features.map((_, stage) => (stage === 0 ? [1, 1, 1] : [2, 2, 2])),
  n_conv_per_stage: features.map(() => 2),
  n_conv_per_stage_decoder: features.slice(1).map(() => 2),
  conv_bias: true,
  norm_op: 'torch.nn.InstanceNorm3d',
  norm_op_kwargs: { eps: 1e-5, affine: true },
  dropout_op: null,
  dropout_op_kwargs: null,
  nonlin: 'torch.nn.LeakyReLU',
  nonlin_kwargs: { inplace: true },
});

/** Arguments of {@link plainConvUnetArguments} that name a class of Python. */
export const CLASS_ARGUMENTS = ['conv_op', 'norm_op', 'dropout_op', 'nonlin'] as const;
