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
  const byHead = tf.transpose(tf.reshape(qkv, [windows, tokens, 3 * heads, width]), [0, 2, 1, 3]) as tf.Tensor4D;
  const mixed = attend(byHead, bias, mask);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [windows * tokens, heads * width]);
}

// With P = softmax(S), dS = P ∘ (dP - rowsum(dP ∘ P)), and that row sum is rowsum(dO ∘ O), which is far smaller
// (Dao et al. 2022, FlashAttention, B.2). Queries, keys and values are cut apart inside: the gradient of a slice by
// itself is as large as what it was cut from.
const attend = (byHead: tf.Tensor4D, bias: tf.Tensor3D, mask: tf.Tensor4D | undefined): tf.Tensor4D => {
  const [windows, parts, tokens, width] = byHead.shape;
  const heads = parts / 3;
  const scale = width ** -0.5;
  const part = (i: number) => tf.slice(byHead, [0, i * heads, 0, 0], [windows, heads, tokens, width]);
  return differentiable<tf.Tensor4D>(
    [byHead, bias],
    () => {
      const [q, k, v] = [tf.mul(part(0), scale), part(1), part(2)];
      const scores = tf.matMul(q, k, false, true);
      const weights = tf.softmax(tf.add(scores, mask ? tf.add(mask, bias) : bias));
      const mixed = tf.matMul(weights, v) as tf.Tensor4D;
      return { value: mixed, saved: [q, k, v, weights, mixed] };
    },
    (dMixed, saved) => {
      const [q, k, v, weights, mixed] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const dWeights = tf.matMul(dMixed, v, false, true);
      const dScores = tf.mul(weights, tf.sub(dWeights, tf.sum(tf.mul(dMixed, mixed), -1, true)));
      const dQuery = tf.mul(tf.matMul(dScores, k), scale);
      const dByHead = tf.concat([dQuery, tf.matMul(dScores, q, true), tf.matMul(weights, dMixed, true)], 1);
      return [dByHead, tf.reshape(kernels().sumRows(tf.reshape(dScores, [windows, -1])), bias.shape)];
    },
  );
};
