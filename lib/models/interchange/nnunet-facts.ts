import type { UNetConfig } from '../../federation/schemas.ts';
import type { Tensors } from '../../weights/weights.ts';
import { type Fact, list } from './facts.ts';

/** "3" for sides that are all 3, otherwise "1×3×3". */
const sides = (shape: readonly number[]): string =>
  shape.every((side) => side === shape[0]) ? `${shape[0]}` : shape.join('×');

/**
 * What the tensors of nnU-Net's `PlainConvUNet` show of its arguments. Strides are shown by the transposed convolutions,
 * which undo them. Shapes do not show the slope of the leaky ReLU, `nonlin_first` and the norm's epsilon.
 */
export function nnunetFacts(tensors: Tensors, config: UNetConfig): readonly Fact[] {
  const names = [...tensors.keys()];
  const shapeOf = (name: string) => tensors.get(name)?.shape ?? [];
  const indices = (pattern: RegExp) =>
    [...new Set(names.map((name) => pattern.exec(name)?.[1]).filter((text) => text !== undefined))]
      .map(Number)
      .sort((a, b) => a - b);
  const stages = indices(/^encoder\.stages\.(\d+)\.0\.convs\.0\.conv\.weight$/);
  const ups = indices(/^decoder\.transpconvs\.(\d+)\.weight$/);
  const first = stages.map((stage) => shapeOf(`encoder.stages.${stage}.0.convs.0.conv.weight`));
  const strides = ups.map((up) => sides(shapeOf(`decoder.transpconvs.${up}.weight`).slice(2)));
  const layers = (side: 'encoder' | 'decoder', stage: string) =>
    indices(new RegExp(`^${side}\\.stages\\.${stage}\\.convs\\.(\\d+)\\.conv\\.weight$`)).length;
  const unlike = (values: readonly string[], wanted: string) => values.find((value) => value !== wanted) ?? wanted;
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  return [
    { name: 'dimensions', file: `${(first[0]?.length ?? 0) - 2}`, stage: '3' },
    { name: 'input_channels', file: `${first[0]?.[1]}`, stage: '1' },
    {
      name: 'features_per_stage',
      file: list(first.map(([width]) => width)),
      stage: list(config.features),
      field: 'features',
    },
    {
      name: 'kernel_sizes',
      file: unlike(
        first.map((shape) => sides(shape.slice(2))),
        '3',
      ),
      stage: '3',
    },
    { name: 'strides', file: unlike(strides, '2'), stage: '2' },
    {
      name: 'n_conv_per_stage',
      file: unlike(
        stages.map((stage) => `${layers('encoder', `${stage}\\.0`)}`),
        '2',
      ),
      stage: '2',
    },
    {
      name: 'n_conv_per_stage_decoder',
      file: unlike(
        ups.map((up) => `${layers('decoder', `${up}`)}`),
        '2',
      ),
      stage: '2',
    },
    {
      name: 'norm_op',
      file: has(/\.norm\.running_mean$/) ? 'BatchNorm3d' : 'InstanceNorm3d',
      stage: 'InstanceNorm3d',
    },
  ];
}
