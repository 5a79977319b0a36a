import type { UNetConfig } from '../federation/schemas.ts';
import { conv3d, upsample } from '../nn/convolution.ts';
import { instanceNormRelu } from '../nn/norm.ts';
import type { tf } from '../nn/tf.ts';
import type { Architecture, Lookup } from './architecture.ts';
import { divisorOf } from './network-faults.ts';
import { supervisedScales } from './unet-parameters.ts';

/**
 * nnU-Net's plain-convolution UNet: two convolutions per stage, each with instance norm and leaky ReLU. The first
 * convolution of every stage but the finest has stride 2. Transposed convolutions upsample; up to three scales are
 * supervised.
 *
 * @param image `learnt` to compute gradients by the image too, which training does not need
 */
export function unet(config: UNetConfig, image: 'constant' | 'learnt' = 'constant'): Architecture {
  const stages = config.features.length;
  return {
    divisor: divisorOf(config),
    features: (parameter, input) => {
      const skips: tf.Tensor5D[] = [];
      let x = input;
      for (let stage = 0; stage < stages; stage++) {
        x = block(parameter, `encoder.${stage}`, [x], stage === 0 ? image : 'halve');
        skips.push(x);
      }
      const scales: tf.Tensor5D[] = [];
      for (let stage = stages - 2; stage >= 0; stage--) {
        const up = `decoder.${stage}.upsample`;
        const finer = upsample(x, parameter(`${up}.weight`), parameter(`${up}.bias`));
        x = block(parameter, `decoder.${stage}`, [finer, skips[stage]!]);
        scales.unshift(x);
      }
      return scales.slice(0, supervisedScales(config));
    },
    head: (task, scale) => `head.${task}.${scale}`,
    dispose: () => {},
  };
}

function block(
  parameter: Lookup,
  name: string,
  parts: readonly tf.Tensor5D[],
  entry: 'constant' | 'learnt' | 'halve' = 'learnt',
): tf.Tensor5D {
  const layer = (i: 1 | 2, input: readonly tf.Tensor5D[], options: Parameters<typeof conv3d>[2]) => {
    const convolved = conv3d(input, parameter(`${name}.conv${i}.weight`), options);
    const affine = {
      scale: parameter<tf.Tensor1D>(`${name}.norm${i}.weight`),
      shift: parameter<tf.Tensor1D>(`${name}.norm${i}.bias`),
    };
    return instanceNormRelu(convolved, { affine });
  };
  const first = layer(1, parts, {
    stride: entry === 'halve' ? 2 : 1,
    input: entry === 'constant' ? 'constant' : 'learnt',
  });
  return layer(2, [first], {});
}
