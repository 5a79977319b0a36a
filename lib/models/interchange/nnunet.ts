import type { UNetConfig } from '../../federation/schemas.ts';
import { channelsOf, type Task } from '../../federation/tasks.ts';
import { elementsOf, type Tensors, type Weights } from '../../weights/weights.ts';
import type { Parameter } from '../parameters.ts';
import { supervisedScales, unetParameters } from '../unet-parameters.ts';
import { withoutTwins } from './names.ts';
import { type Filler, fromState, type State, type StateEntry, toState } from './state.ts';

/**
 * A UNet's weights as the `state_dict` of `PlainConvUNet` in nnU-Net's package `dynamic_network_architectures`, as
 * nnU-Net 2 plans it for isotropic images: 3³ convolutions with bias, two per stage, instance norm, stride 2, one input
 * channel, and the classes of all heads, which are concatenated in the segmentation layers. A parameter that PyTorch
 * registers under several names has all of them, so that `load_state_dict` with `strict=True` accepts the tensors.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if the weights are not those of `config` and `heads`
 */
export const toNnunet = (weights: Weights, config: UNetConfig, heads: readonly Task[]): Tensors =>
  withAliases(toState(nnunetState(config, heads), weights));

/**
 * The inverse of {@link toNnunet}, also for nnU-Net's own checkpoints: `network_weights` of a `.pth` file, saved as
 * safetensors. Any of PyTorch's names of a shared parameter is accepted. Left out are biases before an instance norm,
 * which removes them, and segmentation layers of scales that `config` does not supervise; without heads, all
 * segmentation layers.
 *
 * @param heads tasks of the classes, in their order
 * @throws FedcardioError as {@link toNnunet}
 */
export const fromNnunet = (tensors: Tensors, config: UNetConfig, heads: readonly Task[]): Weights =>
  fromState(nnunetState(config, heads), withoutAliases(tensors));

/**
 * The tensors, each once, under the first of its names: nnU-Net registers a block's convolution, norm and activation
 * twice, and the encoder also inside the decoder.
 *
 * @throws FedcardioError `BAD_WEIGHTS` if two names of one parameter have different values
 */
export const withoutAliases = (tensors: Tensors): Tensors =>
  withoutTwins([...tensors].map(([name, tensor]) => [canonical(name), tensor] as const));

const canonical = (name: string): string =>
  name
    .replace(/^decoder\.encoder\./, 'encoder.')
    .replace('.all_modules.0.', '.conv.')
    .replace('.all_modules.1.', '.norm.');

/** The inverse of {@link withoutAliases}. Names of one parameter share its values. */
const withAliases = (tensors: Tensors): Tensors =>
  new Map([...tensors].flatMap(([name, tensor]) => aliasesOf(name).map((alias) => [alias, tensor] as const)));

function aliasesOf(name: string): readonly string[] {
  const inBlock = name.replace('.conv.', '.all_modules.0.').replace('.norm.', '.all_modules.1.');
  const names = [...new Set([name, inBlock])];
  return name.startsWith('encoder.') ? names.flatMap((one) => [one, `decoder.${one}`]) : names;
}

/** nnU-Net's names and shapes, each parameter once. */
export function nnunetState(config: UNetConfig, heads: readonly Task[]): State {
  const stages = config.features.length;
  const parameters = new Map(unetParameters(config, heads).map((parameter) => [parameter.name, parameter]));
  const body = unetParameters(config, []);
  const segmentation = (kind: string) =>
    Array.from({ length: supervisedScales(config) }, (_, scale): StateEntry => {
      const parts = heads.map((task) => parameters.get(`head.${task.id}.${scale}.${kind}`)!);
      return { name: `decoder.seg_layers.${stages - 2 - scale}.${kind}`, parts };
    });
  return {
    module: "nnU-Net's PlainConvUNet",
    entries: [
      ...body.map((parameter) => ({ name: nnunetName(parameter.name, stages), parts: [parameter] })),
      ...(heads.length > 0 ? [...segmentation('weight'), ...segmentation('bias')] : []),
    ],
    fillers: [...convolutionBiases(body, stages), ...unsupervised(config, heads)],
    outputs: 'decoder.seg_layers.',
  };
}

/** nnU-Net counts decoder stages from the coarsest, fedcardio from the finest. */
function nnunetName(name: string, stages: number): string {
  const [, side, stage, layer, kind] = /^(encoder|decoder)\.(\d+)\.(\w+)\.(\w+)$/.exec(name)!;
  const index = side === 'encoder' ? `${stage}.0` : `${stages - 2 - Number(stage)}`;
  if (layer === 'upsample') return `decoder.transpconvs.${index}.${kind}`;
  return `${side}.stages.${index}.convs.${Number(layer!.at(-1)) - 1}.${layer!.slice(0, -1)}.${kind}`;
}

const convolutionBiases = (body: readonly Parameter[], stages: number): readonly Filler[] =>
  body
    .filter(({ name }) => /\.conv[12]\.weight$/.test(name))
    .map(({ name, shape }) => zeros(nnunetName(name.replace(/weight$/, 'bias'), stages), [shape.at(-1)!]));

/** nnU-Net has a segmentation layer for every decoder stage, used or not. */
function unsupervised(config: UNetConfig, heads: readonly Task[]): readonly Filler[] {
  const channels = heads.reduce((sum, task) => sum + channelsOf(task), 0);
  const stages = config.features.length;
  return config.features.slice(supervisedScales(config), -1).flatMap((width, i) => {
    const layer = `decoder.seg_layers.${stages - 2 - supervisedScales(config) - i}`;
    return [zeros(`${layer}.weight`, [channels, width, 1, 1, 1]), zeros(`${layer}.bias`, [channels])];
  });
}

const zeros = (name: string, shape: readonly number[]): Filler => ({
  name,
  shape,
  make: () => ({ dtype: 'F32', shape, data: new Float32Array(elementsOf(shape)) }),
});
