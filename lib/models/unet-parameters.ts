import type { UNetConfig } from '../federation/schemas.ts';
import { channelsOf, type Task } from '../federation/tasks.ts';
import { heNormal, ones, type Parameter, parameter, rareForeground, zeros } from './parameters.ts';

/** Number of supervised decoder scales: the finest and, with deep supervision, up to two coarser ones. */
export const supervisedScales = (config: UNetConfig): number =>
  config.deepSupervision ? Math.min(3, config.features.length - 1) : 1;

/**
 * Parameters of nnU-Net's plain-convolution UNet: `encoder.<stage>` and `decoder.<stage>` with two convolutions each,
 * `head.<task>.<scale>`, with stages and scales from the finest. Convolutions have no bias, because the instance norm
 * after them would remove it; transposed convolutions have one.
 */
export function unetParameters(config: UNetConfig, heads: readonly Task[]): readonly Parameter[] {
  const { features } = config;
  const encoder = features.flatMap((width, stage) => block(`encoder.${stage}`, features[stage - 1] ?? 1, width));
  const decoder = features.slice(0, -1).flatMap((width, stage) => {
    const coarser = features[stage + 1]!;
    return [
      parameter(`decoder.${stage}.upsample.weight`, [2, 2, 2, width, coarser], heNormal(coarser)),
      parameter(`decoder.${stage}.upsample.bias`, [width], zeros),
      ...block(`decoder.${stage}`, 2 * width, width),
    ];
  });
  const scales = Array.from({ length: supervisedScales(config) }, (_, scale) => scale);
  const outputs = heads.flatMap((task) =>
    scales.flatMap((scale) => {
      const width = features[scale]!;
      const channels = channelsOf(task);
      return [
        parameter(`head.${task.id}.${scale}.weight`, [1, 1, 1, width, channels], heNormal(width)),
        parameter(`head.${task.id}.${scale}.bias`, [channels], rareForeground),
      ];
    }),
  );
  return [...encoder, ...decoder, ...outputs];
}

const block = (name: string, input: number, width: number): readonly Parameter[] =>
  [input, width].flatMap((channels, i) => [
    parameter(`${name}.conv${i + 1}.weight`, [3, 3, 3, channels, width], heNormal(27 * channels)),
    parameter(`${name}.norm${i + 1}.weight`, [width], ones),
    parameter(`${name}.norm${i + 1}.bias`, [width], zeros),
  ]);
