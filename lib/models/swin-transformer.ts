import type { SwinUnetrConfig } from '../federation/schemas.ts';
import { gelu } from '../nn/activation.ts';
import { windowAttention } from '../nn/attention.ts';
import { patchEmbed } from '../nn/convolution.ts';
import { linear } from '../nn/linear.ts';
import { layerNorm } from '../nn/norm.ts';
import type { RowMap } from '../nn/rows.ts';
import { tf } from '../nn/tf.ts';
import type { Lookup } from './architecture.ts';
import { cornersOf } from './corners.ts';
import { createWindows, disposeWindows, type Grid, mergeMap, relativePositions, type Windows } from './windows.ts';

/** Index tables of one stage on one grid. */
interface StageTables {
  readonly regular: Windows;
  readonly shifted: Windows;
  readonly positions: RowMap;
  readonly merge: RowMap;
}

export interface SwinTransformer {
  /**
   * The hidden states: the embedded patches, then the output of each stage after merging, each layer-normalised without
   * parameters. The i-th is [b, z/2ⁱ⁺¹, y/2ⁱ⁺¹, x/2ⁱ⁺¹, featureSize·2ⁱ].
   */
  readonly hiddenStates: (parameter: Lookup, image: tf.Tensor5D) => readonly tf.Tensor5D[];
  readonly dispose: () => void;
}

/** MONAI's `SwinTransformer` (patches of 2³, MLP ratio 4, patch merging, no dropout). */
export function swinTransformer(config: SwinUnetrConfig): SwinTransformer {
  const tables = new Map<string, StageTables>();
  const tablesOf = (grid: Grid, heads: number): StageTables => {
    const key = `${grid.join()}/${heads}`;
    const known = tables.get(key);
    if (known) return known;
    const regular = createWindows(grid, config.window, heads, false);
    const made = {
      regular,
      shifted: createWindows(grid, config.window, heads, true),
      positions: relativePositions(config.window, regular.tokens),
      merge: mergeMap(grid, cornersOf(config)),
    };
    tables.set(key, made);
    return made;
  };

  return {
    hiddenStates: (parameter, image) => {
      const root = 'swinViT.patch_embed.proj';
      const embedded = patchEmbed(image, parameter(`${root}.weight`), parameter(`${root}.bias`));
      let [b, z, y, x, width] = embedded.shape;
      let tokens = tf.reshape(embedded, [-1, width]) as tf.Tensor2D;
      const state = () => tf.reshape(layerNorm(tokens), [b, z, y, x, width]) as tf.Tensor5D;
      const states = [state()];
      for (const [stage, depth] of config.depths.entries()) {
        const { regular, shifted, positions, merge } = tablesOf([b, z, y, x], config.heads[stage]!);
        const name = `swinViT.layers${stage + 1}.0`;
        for (let i = 0; i < depth; i++) {
          const windows = i % 2 === 0 ? regular : shifted;
          tokens = transformerBlock(parameter, `${name}.blocks.${i}`, tokens, config.heads[stage]!, windows, positions);
        }
        tokens = patchMerging(parameter, `${name}.downsample`, tokens, merge);
        [z, y, x, width] = [z / 2, y / 2, x / 2, 2 * width];
        states.push(state());
      }
      return states;
    },
    dispose: () => {
      for (const { regular, shifted, positions, merge } of tables.values()) {
        disposeWindows(regular);
        disposeWindows(shifted);
        positions.dispose();
        merge.dispose();
      }
      tables.clear();
    },
  };
}

function transformerBlock(
  parameter: Lookup,
  name: string,
  tokens: tf.Tensor2D,
  heads: number,
  windows: Windows,
  positions: RowMap,
): tf.Tensor2D {
  const dense = (layer: string, x: tf.Tensor2D) =>
    linear(x, parameter(`${name}.${layer}.weight`), parameter(`${name}.${layer}.bias`));
  const normed = windows.partition.gather(norm(parameter, `${name}.norm1`, tokens));
  const pairs = positions.gather(parameter(`${name}.attn.relative_position_bias_table`));
  const bias = tf.reshape(tf.transpose(pairs), [heads, windows.tokens, windows.tokens]) as tf.Tensor3D;
  const mixed = windowAttention(dense('attn.qkv', normed), bias, { heads, parts: windows.parts });
  const attended: tf.Tensor2D = tf.add(tokens, windows.reverse.gather(dense('attn.proj', mixed)));
  const hidden = gelu(dense('mlp.linear1', norm(parameter, `${name}.norm2`, attended)));
  return tf.add(attended, dense('mlp.linear2', hidden));
}

function patchMerging(parameter: Lookup, name: string, tokens: tf.Tensor2D, merge: RowMap): tf.Tensor2D {
  const cubes = tf.reshape(merge.gather(tokens), [-1, 8 * tokens.shape[1]]) as tf.Tensor2D;
  return linear(norm(parameter, `${name}.norm`, cubes), parameter(`${name}.reduction.weight`));
}

const norm = (parameter: Lookup, name: string, x: tf.Tensor2D): tf.Tensor2D =>
  layerNorm(x, { scale: parameter(`${name}.weight`), shift: parameter(`${name}.bias`) });
