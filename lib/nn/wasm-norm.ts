import type { Kernels } from './kernel-interface.ts';
import { tf } from './tf.ts';

export const instanceNorm: Kernels['instanceNorm'] = (x, scale, shift, epsilon) => {
  const parts = cases(x).map((rows) => {
    const centred: tf.Tensor2D = tf.sub(rows, meanRows(rows));
    const inverse = tf.rsqrt(tf.add(meanRows(tf.square(centred)), epsilon)) as tf.Tensor1D;
    return { inverse, y: tf.add(tf.mul(centred, tf.mul(inverse, scale)), shift) as tf.Tensor2D };
  });
  return {
    y: joinCases(
      parts.map((part) => part.y),
      x.shape,
    ),
    saved: [x, ...parts.map((part) => part.inverse)],
  };
};

export const instanceNormGradient: Kernels['instanceNormGradient'] = (dy, scale, [x, ...inverses]) => {
  const xs = cases(x as tf.Tensor5D);
  const parts = cases(dy).map((d, i) => {
    const rows = xs[i]!;
    const inverse = inverses[i] as tf.Tensor1D;
    const unit = tf.mul(tf.sub(rows, meanRows(rows)), inverse) as tf.Tensor2D;
    const dShift = sumRows(d);
    const dScale = sumRows(tf.mul(d, unit));
    const n = rows.shape[0];
    const inner = tf.sub(tf.sub(d, tf.div(dShift, n)), tf.mul(unit, tf.div(dScale, n)));
    return { dx: tf.mul(inner, tf.mul(inverse, scale)) as tf.Tensor2D, dScale, dShift };
  });
  const dx = joinCases(
    parts.map((part) => part.dx),
    dy.shape,
  );
  return [dx, tf.addN(parts.map((part) => part.dScale)), tf.addN(parts.map((part) => part.dShift))];
};

/** In double precision: a float32 running total over 262,144 voxels loses three digits. */
export const sumRows: Kernels['sumRows'] = (x) => {
  const columns = x.shape[1];
  const total = new Float64Array(columns);
  const values = x.dataSync();
  for (let i = 0; i < values.length; ) {
    for (let c = 0; c < columns; c++) total[c]! += values[i++]!;
  }
  return tf.tensor1d(Float32Array.from(total));
};

function cases(x: tf.Tensor5D): tf.Tensor2D[] {
  const [b, depth, height, width, c] = x.shape;
  const n = depth * height * width;
  const rows = tf.reshape(x, [b * n, c]) as tf.Tensor2D;
  return b === 1 ? [rows] : Array.from({ length: b }, (_, i) => tf.slice(rows, [i * n, 0], [n, c]));
}

const joinCases = (parts: tf.Tensor2D[], shape: tf.Tensor5D['shape']): tf.Tensor5D =>
  tf.reshape(parts.length === 1 ? parts[0]! : tf.concat(parts, 0), shape);

const meanRows = (x: tf.Tensor2D): tf.Tensor1D => tf.div(sumRows(x), x.shape[0]);
