import type { SwinUnetrConfig } from '../federation/schemas.ts';
import { channelsOf, type Task } from '../federation/tasks.ts';
import { fanInUniform, ones, type Parameter, parameter, rareForeground, zeros } from './parameters.ts';

/**
 * Parameters of Swin UNETR under MONAI's names (`monai.networks.nets.SwinUNETR`, version 1 blocks), for any number of
 * stages. With n stages there are encoders 1 to n, encoder 10 for the bottleneck (MONAI's name) and decoders n + 1 to
 * 1. Instead of MONAI's one `out` there is one `out.<task>` per head.
 */
export function swinUnetrParameters(config: SwinUnetrConfig, heads: readonly Task[]): readonly Parameter[] {
  const { featureSize, depths } = config;
  const stages = depths.length;
  const width = (level: number) => featureSize * 2 ** level;
  const encoders = Array.from({ length: stages }, (_, i) =>
    residual(`encoder${i + 1}.layer`, i === 0 ? 1 : width(i - 1), i === 0 ? featureSize : width(i - 1)),
  );
  const decoders = Array.from({ length: stages + 1 }, (_, i) => {
    const out = width(Math.max(0, i - 1));
    const input = width(i);
    return [
      parameter(`decoder${i + 1}.transp_conv.conv.weight`, [2, 2, 2, out, input], fanInUniform(8 * out)),
      ...residual(`decoder${i + 1}.conv_block`, 2 * out, out),
    ];
  });
  return [
    ...affineMap('swinViT.patch_embed.proj', [2, 2, 2, 1, featureSize], 8),
    ...depths.flatMap((depth, stage) => swinStage(config, stage, depth)),
    ...encoders.flat(),
    ...residual('encoder10.layer', width(stages), width(stages)),
    ...decoders.flat(),
    ...heads.flatMap((task) => [
      parameter(`out.${task.id}.conv.conv.weight`, [1, 1, 1, featureSize, channelsOf(task)], fanInUniform(featureSize)),
      parameter(`out.${task.id}.conv.conv.bias`, [channelsOf(task)], rareForeground),
    ]),
  ];
}

function swinStage(config: SwinUnetrConfig, stage: number, depth: number): readonly Parameter[] {
  const width = config.featureSize * 2 ** stage;
  const root = `swinViT.layers${stage + 1}.0`;
  const blocks = Array.from({ length: depth }, (_, i) => {
    const name = `${root}.blocks.${i}`;
    return [
      ...norm(`${name}.norm1`, width),
      parameter(`${name}.attn.relative_position_bias_table`, [(2 * config.window - 1) ** 3, config.heads[stage]!], {
        kind: 'normal',
        deviation: 0.02,
      }),
      ...affineMap(`${name}.attn.qkv`, [width, 3 * width], width),
      ...affineMap(`${name}.attn.proj`, [width, width], width),
      ...norm(`${name}.norm2`, width),
      ...affineMap(`${name}.mlp.linear1`, [width, 4 * width], width),
      ...affineMap(`${name}.mlp.linear2`, [4 * width, width], 4 * width),
    ];
  });
  return [
    ...blocks.flat(),
    ...norm(`${root}.downsample.norm`, 8 * width),
    parameter(`${root}.downsample.reduction.weight`, [8 * width, 2 * width], fanInUniform(8 * width)),
  ];
}

const affineMap = (name: string, shape: readonly number[], fanIn: number): readonly Parameter[] => [
  parameter(`${name}.weight`, shape, fanInUniform(fanIn)),
  parameter(`${name}.bias`, [shape.at(-1)!], fanInUniform(fanIn)),
];

const norm = (name: string, width: number): readonly Parameter[] => [
  parameter(`${name}.weight`, [width], ones),
  parameter(`${name}.bias`, [width], zeros),
];

/** MONAI's `UnetResBlock`. Its instance norms have no parameters. */
const residual = (name: string, input: number, width: number): readonly Parameter[] => [
  parameter(`${name}.conv1.conv.weight`, [3, 3, 3, input, width], fanInUniform(27 * input)),
  parameter(`${name}.conv2.conv.weight`, [3, 3, 3, width, width], fanInUniform(27 * width)),
  ...(input === width ? [] : [parameter(`${name}.conv3.conv.weight`, [1, 1, 1, input, width], fanInUniform(input))]),
];
