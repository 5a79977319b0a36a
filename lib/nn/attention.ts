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
  /** Scales queries by 1/√d. Keys and values stay. */
  const scaled = (slots: tf.Tensor4D): tf.Tensor4D => tf.mul(slots, queryScale(heads, width));
  /** From rows of tokens to [windows, head, tokens, width], contiguous for each head, and back. */
  const byHead = (rows: tf.Tensor): tf.Tensor4D =>
    tf.transpose(tf.reshape(rows, [windows, tokens, -1, width]), [0, 2, 1, 3]);
  const byToken = (slots: tf.Tensor4D): tf.Tensor2D =>
    tf.reshape(tf.transpose(slots, [0, 2, 1, 3]), [windows * tokens, -1]);
  return differentiable<tf.Tensor2D>(
    [qkv, bias],
    () => {
      const mixed = inParts(scaled(byHead(qkv)), bias, parts, ({ q, k, v, bias }) =>
        tf.matMul(weightsOf(q, k, bias), v),
      );
      const value = byToken(tf.concat(mixed, 0) as tf.Tensor4D);
      return { value, saved: [qkv, bias, value] };
    },
    // With P = softmax(S), dS = P ∘ (dP - rowsum(dP ∘ P)), and that row sum is rowsum(dO ∘ O), which is much smaller
    // (Dao et al. 2022, FlashAttention, B.2). As one more column of dO, with 1 as that of V, the product dP = dO·Vᵀ
    // subtracts it.
    (dValue, [input, table, value]) => {
      const dMixed = byHead(dValue);
      const along = tf.sum(tf.mul(dMixed, byHead(value!)), -1, true);
      const dExtended = tf.concat([dMixed, tf.neg(along)], -1) as tf.Tensor4D;
      const gradients = inParts(scaled(byHead(input!)), table as tf.Tensor3D, parts, ({ q, k, v, bias, rows }) => {
        const weights = weightsOf(q, k, bias);
        const extended = tf.concat([v, tf.ones([...v.shape.slice(0, 3), 1])], -1);
        const dScores = tf.mul(weights, tf.matMul(rows(dExtended), extended, false, true));
        const dValue = tf.matMul(weights, rows(dMixed), true);
        const dInput = tf.concat([tf.matMul(dScores, k), tf.matMul(dScores, q, true), dValue], 1);
        const perWindow = tf.reshape(dScores, [q.shape[0], -1]) as tf.Tensor2D;
        return { dInput, dBias: q.shape[0] === 1 ? perWindow : kernels().sumRows(perWindow) };
      });
      const dBias = tf.addN(gradients.map((part) => tf.reshape(part.dBias, bias.shape)));
      const slots = gradients.map(({ dInput }) => dInput);
      return [byToken(scaled(tf.concat(slots, 0) as tf.Tensor4D)), dBias];
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
      return work({ q: cut(0), k: cut(heads), v: cut(2 * heads), bias: masked, rows });
    });
  });
}

const queryScale = (heads: number, width: number): tf.Tensor4D =>
  tf.tensor4d(
    Array.from({ length: 3 * heads }, (_, slot) => (slot < heads ? width ** -0.5 : 1)),
    [1, 3 * heads, 1, 1],
  );

const weightsOf = (q: tf.Tensor4D, k: tf.Tensor4D, bias: tf.Tensor): tf.Tensor4D =>
  tf.softmax(tf.add(tf.matMul(q, k, false, true), bias));
