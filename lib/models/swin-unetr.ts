import { FedcardioError } from '../error.ts';
import type { SwinUnetrConfig } from '../federation/schemas.ts';
import { conv3d, pointwise, upsample } from '../nn/convolution.ts';
import { instanceNorm, instanceNormRelu } from '../nn/norm.ts';
import type { tf } from '../nn/tf.ts';
import type { Architecture, Lookup } from './architecture.ts';
import { attentionFault, divisorOf } from './network-faults.ts';
import { swinTransformer } from './swin-transformer.ts';

/**
 * Swin UNETR (Hatamizadeh et al. 2022) as in MONAI, for any number of stages: a Swin transformer whose hidden states
 * feed a convolutional decoder through residual convolution blocks.
 */
export function swinUnetr(config: SwinUnetrConfig): Architecture {
  const stages = config.depths.length;
  const fault = attentionFault(config);
  if (fault) throw new FedcardioError('BAD_CONFIGURATION', `${fault.problem}.`, { hint: fault.hint });
  const transformer = swinTransformer(config);
  return {
    divisor: divisorOf(config),
    features: (parameter, image) => {
      const states = transformer.hiddenStates(parameter, image);
      const deepest = states[stages]!;
      let x = residualBlock(parameter, 'encoder10.layer', [deepest]);
      for (let level = stages + 1; level >= 1; level--) {
        const skip =
          level > stages
            ? states[stages - 1]!
            : residualBlock(parameter, `encoder${level}.layer`, [level === 1 ? image : states[level - 2]!]);
        const up = upsample(x, parameter(`decoder${level}.transp_conv.conv.weight`));
        x = residualBlock(parameter, `decoder${level}.conv_block`, [up, skip]);
      }
      return [x];
    },
    head: (task) => `out.${task}.conv.conv`,
    dispose: transformer.dispose,
  };
}

/** MONAI's `UnetResBlock`. The shortcut is projected if the number of channels changes. */
function residualBlock(parameter: Lookup, name: string, parts: readonly tf.Tensor5D[]): tf.Tensor5D {
  const filter = parameter<tf.Tensor5D>(`${name}.conv1.conv.weight`);
  const [, , , input, width] = filter.shape;
  const constant = input === 1;
  const first = instanceNormRelu(conv3d(parts, filter, { input: constant ? 'constant' : 'learnt' }));
  const second = conv3d([first], parameter(`${name}.conv2.conv.weight`));
  const shortcut = input === width ? parts[0]! : instanceNorm(pointwise(parts, parameter(`${name}.conv3.conv.weight`)));
  return instanceNormRelu(second, { shortcut });
}
