import type { SwinUnetrConfig } from '../../federation/schemas.ts';
import type { Tensors } from '../../weights/weights.ts';
import { type Fact, list } from './facts.ts';

const python = (value: boolean): string => (value ? 'True' : 'False');

/**
 * What the tensors of MONAI's `SwinUNETR` show of its arguments. They do not show `normalize`, `downsample` and the
 * release: see `patch-merging.ts`.
 */
export function monaiFacts(tensors: Tensors, config: SwinUnetrConfig): readonly Fact[] {
  const names = [...tensors.keys()];
  const shapeOf = (name: string) => tensors.get(name)?.shape ?? [];
  const embedding = shapeOf('swinViT.patch_embed.proj.weight');
  const stages = [1, 2, 3, 4].filter((stage) => names.some((name) => name.startsWith(`swinViT.layers${stage}.`)));
  const block = (stage: number, index: number) => `swinViT.layers${stage}.0.blocks.${index}`;
  const depths = stages.map((stage) => {
    const norms = names.filter((name) =>
      new RegExp(`^swinViT\\.layers${stage}\\.0\\.blocks\\.\\d+\\.norm1\\.weight$`).test(name),
    );
    return norms.length;
  });
  const tables = stages.map((stage) => shapeOf(`${block(stage, 0)}.attn.relative_position_bias_table`));
  const [wide, narrow] = shapeOf(`${block(1, 0)}.mlp.linear1.weight`);
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  return [
    { name: 'spatial_dims', file: `${embedding.length - 2}`, stage: '3' },
    { name: 'in_channels', file: `${embedding[1]}`, stage: '1' },
    { name: 'patch_size', file: `${embedding[2]}`, stage: '2' },
    { name: 'feature_size', file: `${embedding[0]}`, stage: `${config.featureSize}`, field: 'featureSize' },
    { name: 'depths', file: list(depths), stage: list(config.depths), field: 'depths' },
    { name: 'num_heads', file: list(tables.map(([, heads]) => heads)), stage: list(config.heads), field: 'heads' },
    {
      name: 'window_size',
      file: `${(Math.round(Math.cbrt(tables[0]?.[0] ?? 0)) + 1) / 2}`,
      stage: `${config.window}`,
      field: 'window',
    },
    { name: 'mlp_ratio', file: `${wide! / narrow!}`, stage: '4' },
    { name: 'qkv_bias', file: python(has(/\.attn\.qkv\.bias$/)), stage: 'True' },
    { name: 'patch_norm', file: python(has(/^swinViT\.patch_embed\.norm\./)), stage: 'False' },
    { name: 'use_v2', file: python(has(/^swinViT\.layers\dc\./)), stage: 'False' },
    {
      name: 'norm_name',
      file: has(/^encoder1\.layer\.norm1\.running_mean$/)
        ? '"batch"'
        : has(/^encoder1\.layer\.norm1\.weight$/)
          ? 'a norm with parameters'
          : '"instance"',
      stage: '"instance"',
    },
  ];
}
