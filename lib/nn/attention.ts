import { differentiable } from './differentiable.ts';
import { kernels } from './kernels.ts';
import { tf } from './tf.ts';

/**
 * Multi-head self-attention inside windows: softmax(q·kᵀ/√d + bias + mask)·v.
 *
 * @param qkv [windows·tokens, 3·channels]: queries, keys and values one after the other, each head by head.
 * @param bias [heads, tokens, tokens], the same for all windows.
 * @param mask [windows, 1, tokens, tokens] to add, large and negative between tokens that must not see each other.
 * @returns [windows·tokens, channels], head by head.
 */
export function windowAttention(
  qkv: tf.Tensor2D,
  bias: tf.Tensor3D,
  { heads, mask }: { readonly heads: number; readonly mask?: tf.Tensor4D | undefined },
): tf.Tensor2D {
  const tokens = bias.shape[1];
  const windows = qkv.shape[0] / tokens;
  const width = qkv.shape[1] / 3 / heads;
  const byHead = tf.transpose(tf.reshape(qkv, [windows, tokens, 3 * heads, width]), [0, 2, 1, 3]);
  const part = (i: number) => tf.slice(byHead, [0, i * heads, 0, 0], [windows, heads, tokens, width]) as tf.Tensor4D;
  const mixed = attend(tf.mul(part(0), width ** -0.5), part(1), part(2), bias, mask);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [windows * tokens, heads * width]);
}

// With P = softmax(S), dS = P ∘ (dP - rowsum(dP ∘ P)), and that row sum is rowsum(dO ∘ O), which is far smaller
// (Dao et al. 2022, FlashAttention, B.2).
const attend = (
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  bias: tf.Tensor3D,
  mask: tf.Tensor4D | undefined,
): tf.Tensor4D =>
  differentiable<tf.Tensor4D>(
    [q, k, v, bias],
    () => {
      const scores = tf.matMul(q, k, false, true);
      const weights = tf.softmax(tf.add(scores, mask ? tf.add(mask, bias) : bias)) as tf.Tensor4D;
      const mixed = tf.matMul(weights, v) as tf.Tensor4D;
      return { value: mixed, saved: [q, k, v, weights, mixed] };
    },
    (dMixed, saved) => {
      const [queries, keys, values, weights, mixed] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const dWeights = tf.matMul(dMixed, values, false, true);
      const dScores = tf.mul(weights, tf.sub(dWeights, tf.sum(tf.mul(dMixed, mixed), -1, true)));
      const windows = dScores.shape[0]!;
      const dBias = tf.reshape(kernels().sumRows(tf.reshape(dScores, [windows, -1])), bias.shape);
      return [tf.matMul(dScores, keys), tf.matMul(dScores, queries, true), tf.matMul(weights, dMixed, true), dBias];
    },
  );
