import { kernels } from './backend-kernels.ts';
import { differentiable } from './differentiable.ts';
import { tf } from './tf.ts';

/** Consecutive windows that are processed together. */
export interface WindowPart {
  readonly windows: number;
  /**
   * Mask added to the scores: large and negative between tokens that must not see each other. [1, 1, tokens, tokens]
   * for all windows of the part, or [windows, 1, tokens, tokens].
   */
  readonly mask?: tf.Tensor4D;
}

/**
 * Scores that are computed at a time. Scores that stay in the processor's cache are several times faster, and at 96³
 * the scores of all windows together would take gigabytes.
 */
const SCORES = 2 ** 20;

/** Number of windows that a {@link WindowPart} should have. */
export const windowsAtATime = (heads: number, tokens: number): number =>
  Math.max(1, Math.floor(SCORES / (heads * tokens * tokens)));

/**
 * Multi-head self-attention inside windows: softmax(q·kᵀ/√d + bias + mask)·v. The scores are computed part by part, and
 * recomputed for the gradient instead of kept.
 *
 * @param qkv [windows·tokens, 3·channels]: queries, keys and values concatenated, each head by head
 * @param bias [heads, tokens, tokens], the same for all windows
 * @param parts all windows, in their order
 * @returns [windows·tokens, channels], head by head
 */
export function windowAttention(
  qkv: tf.Tensor2D,
  bias: tf.Tensor3D,
  { heads, parts }: { readonly heads: number; readonly parts: readonly WindowPart[] },
): tf.Tensor2D {
  const tokens = bias.shape[1];
  const windows = qkv.shape[0] / tokens;
  const width = qkv.shape[1] / 3 / heads;
  /** From rows of tokens to [windows, head, tokens, width], contiguous for each head, and back. */
  const byHead = (rows: tf.Tensor): tf.Tensor4D =>
    tf.transpose(tf.reshape(rows, [windows, tokens, -1, width]), [0, 2, 1, 3]);
  const byToken = (pieces: tf.Tensor[]): tf.Tensor2D =>
    tf.reshape(tf.transpose(tf.concat(pieces, 0), [0, 2, 1, 3]), [windows * tokens, -1]);
  return differentiable<tf.Tensor2D>(
    [qkv, bias],
    () => {
      const value = byToken(
        inParts(byHead(qkv), bias, parts, ({ q, k, v, bias }) => tf.matMul(weightsOf(q, k, bias), v)),
      );
      return { value, saved: [qkv, bias, value] };
    },
    // With P = softmax(S), dS = P ∘ (dP - rowsum(dP ∘ P)), and that row sum is rowsum(dO ∘ O), which is much smaller
    // (Dao et al. 2022, FlashAttention, B.2).
    (dValue, [input, table, value]) => {
      const dMixed = byHead(dValue);
      const along = tf.sum(tf.mul(dMixed, byHead(value!)), -1, true) as tf.Tensor4D;
      const gradients = inParts(byHead(input!), table as tf.Tensor3D, parts, ({ q, k, v, bias, rows }) => {
        const weights = weightsOf(q, k, bias);
        const dOut = rows(dMixed);
        const dScores = tf.mul(weights, tf.sub(tf.matMul(dOut, v, false, true), rows(along)));
        const dQuery = tf.mul(tf.matMul(dScores, k), width ** -0.5);
        const dInput = tf.concat([dQuery, tf.matMul(dScores, q, true), tf.matMul(weights, dOut, true)], 1);
        return { dInput, dBias: kernels().sumRows(tf.reshape(dScores, [q.shape[0], -1])) };
      });
      const dBias = tf.addN(gradients.map((part) => part.dBias));
      return [byToken(gradients.map(({ dInput }) => dInput)), tf.reshape(dBias, bias.shape)];
    },
  );
}

/** A part's scaled queries, keys and values, and the bias with the part's mask. */
interface Part {
  readonly q: tf.Tensor4D;
  readonly k: tf.Tensor4D;
  readonly v: tf.Tensor4D;
  readonly bias: tf.Tensor;
  /** The part's windows of another tensor. */
  readonly rows: (x: tf.Tensor4D) => tf.Tensor4D;
}

function inParts<T extends tf.TensorContainer>(
  byHead: tf.Tensor4D,
  bias: tf.Tensor3D,
  parts: readonly WindowPart[],
  work: (part: Part) => T,
): T[] {
  const [, slots, tokens, width] = byHead.shape;
  const heads = slots / 3;
  let [end, previous, masked] = [0, undefined as WindowPart['mask'], bias as tf.Tensor];
  return parts.map(({ windows, mask }) => {
    const start = end;
    end += windows;
    // Parts with the same mask are consecutive.
    if (mask !== previous) [previous, masked] = [mask, mask ? tf.add(bias, mask) : bias];
    return tf.tidy(() => {
      const cut = (slot: number) => tf.slice(byHead, [start, slot, 0, 0], [windows, heads, tokens, width]);
      const rows = (x: tf.Tensor4D) => tf.slice(x, [start, 0, 0, 0], [windows, ...x.shape.slice(1)]);
      return work({ q: tf.mul(cut(0), width ** -0.5), k: cut(heads), v: cut(2 * heads), bias: masked, rows });
    });
  });
}

const weightsOf = (q: tf.Tensor4D, k: tf.Tensor4D, bias: tf.Tensor): tf.Tensor4D =>
  tf.softmax(tf.add(tf.matMul(q, k, false, true), bias));
