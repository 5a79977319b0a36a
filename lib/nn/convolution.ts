import { kernels } from './backend-kernels.ts';
import { differentiable } from './differentiable.ts';
import { linear } from './linear.ts';
import { tf } from './tf.ts';

/**
 * 3D convolution with a 3³ filter and one voxel of zeros around the volume, without bias: PyTorch's `Conv3d(k=3,
 * padding=1, bias=False)`.
 *
 * @param parts volumes [b, z, y, x, cᵢ] whose channels count as concatenated
 * @param filter [3, 3, 3, Σcᵢ, out]
 * @param stride 2 halves the grid, whose sides must then be even
 * @param input `constant` for the image: no gradient is computed for it
 */
export function conv3d(
  parts: readonly tf.Tensor5D[],
  filter: tf.Tensor5D,
  { stride = 1, input = 'learnt' }: { readonly stride?: 1 | 2; readonly input?: 'learnt' | 'constant' } = {},
): tf.Tensor5D {
  const k = kernels();
  const learnt = input === 'learnt';
  const joined = k.joins(parts.map(({ shape }) => shape[4]));
  const pieces = (volumes: readonly tf.Tensor5D[]) => (joined ? [tf.concat([...volumes], 4)] : volumes);
  return differentiable<tf.Tensor5D>(
    learnt ? [...parts, filter] : [filter],
    () => {
      const xs = pieces(parts);
      const filters = splitFilter(filter, xs);
      const value = xs.map((x, i) => k.conv3d(x, filters[i]!, stride)).reduce((total, term) => tf.add(total, term));
      return { value, saved: [...parts, filter] };
    },
    (dy, saved) => {
      const volumes = saved.slice(0, -1) as tf.Tensor5D[];
      const xs = pieces(volumes);
      const dFilters = xs.map((x) => k.conv3dFilterGradient(x, dy, stride));
      const dFilter = dFilters.length === 1 ? dFilters[0]! : tf.concat(dFilters, 3);
      if (!learnt) return [dFilter];
      const filters = splitFilter(saved.at(-1) as tf.Tensor5D, xs);
      const dInputs = filters.map((part) => k.conv3dInputGradient(dy, part, stride));
      const widths = volumes.map(({ shape }) => shape[4]);
      return [...(joined ? tf.split(dInputs[0]!, widths, 4) : dInputs), dFilter];
    },
  );
}

/**
 * 1×1×1 convolution, the same linear map in every voxel: PyTorch's `Conv3d(k=1)`.
 *
 * @param parts as in {@link conv3d}
 * @param filter [1, 1, 1, Σcᵢ, out]; bias [out]
 */
export function pointwise(parts: readonly tf.Tensor5D[], filter: tf.Tensor5D, bias?: tf.Tensor1D): tf.Tensor5D {
  const k = kernels();
  const [b, z, y, x] = parts[0]!.shape;
  const [, , , channels, out] = filter.shape;
  const rows = (volume: tf.Tensor5D) => tf.reshape(volume, [-1, volume.shape[4]]) as tf.Tensor2D;
  return differentiable<tf.Tensor5D>(
    bias ? [...parts, filter, bias] : [...parts, filter],
    () => {
      const filters = splitFilter(filter, parts);
      const sum = parts
        .map((part, i) => k.matMul(rows(part), tf.reshape(filters[i]!, [-1, out])))
        .reduce((total, term) => tf.add(total, term));
      return { value: tf.reshape(bias ? k.addBias(sum, bias) : sum, [b, z, y, x, out]), saved: [...parts, filter] };
    },
    (dy, saved) => {
      const xs = saved.slice(0, -1) as tf.Tensor5D[];
      const filters = splitFilter(saved.at(-1) as tf.Tensor5D, xs);
      const dRows = rows(dy);
      const dInputs = xs.map((part, i) => {
        return tf.reshape(k.matMul(dRows, tf.reshape(filters[i]!, [-1, out]), false, true), part.shape);
      });
      const dMatrices = xs.map((part) => k.matMul(rows(part), dRows, true));
      const dFilter = tf.reshape(tf.concat(dMatrices, 0), [1, 1, 1, channels, out]);
      return [...dInputs, dFilter, ...(bias ? [k.sumRows(dRows)] : [])];
    },
  );
}

/**
 * Doubles the grid: PyTorch's `ConvTranspose3d(k=2, stride=2)`. Its windows do not overlap, so that it is a matrix
 * product and a reordering.
 *
 * @param x [b, z, y, x, in]
 * @param filter [2, 2, 2, out, in], TensorFlow's order for transposed convolutions; bias [out]
 * @returns [b, 2z, 2y, 2x, out]
 */
export function upsample(x: tf.Tensor5D, filter: tf.Tensor5D, bias?: tf.Tensor1D): tf.Tensor5D {
  const k = kernels();
  const [b, depth, height, width, channels] = x.shape;
  const out = filter.shape[3];
  const matrixOf = (taps: tf.Tensor) => tf.reshape(taps, [8 * out, channels]) as tf.Tensor2D;
  // [b·z·y, x, kz·ky, kx·out] ↔ [b·z·y, kz·ky, x·kx·out] ↔ [b·z, kz, y, ky·x·kx·out]: two transposes of four axes,
  // because one of eight is slow on WebAssembly. Each is its own inverse.
  const run = 2 * width * out;
  const swap = (volume: tf.Tensor, shape: number[]) => tf.transpose(tf.reshape(volume, shape), [0, 2, 1, 3]);
  return differentiable<tf.Tensor5D>(
    bias ? [x, filter, bias] : [x, filter],
    () => {
      const product = k.matMul(tf.reshape(x, [-1, channels]), matrixOf(filter), false, true);
      const octants = bias ? k.addBias(product, tf.tile(bias, [8])) : product;
      const alongX = swap(octants, [b * depth * height, width, 4, 2 * out]);
      const alongY = swap(alongX, [b * depth, height, 2, 2 * run]);
      return { value: tf.reshape(alongY, [b, 2 * depth, 2 * height, 2 * width, out]), saved: [x, filter] };
    },
    (dy, [input, taps]) => {
      const alongY = swap(dy, [b * depth, 2, height, 2 * run]);
      const dOctants = tf.reshape(swap(alongY, [b * depth * height, 4, width, 2 * out]), [-1, 8 * out]) as tf.Tensor2D;
      const dx = tf.reshape(k.matMul(dOctants, matrixOf(taps!)), x.shape);
      const dMatrix = k.matMul(dOctants, tf.reshape(input!, [-1, channels]), true);
      const dBias = bias ? [k.sumRows(tf.reshape(dy, [-1, out]))] : [];
      return [dx, tf.reshape(dMatrix, filter.shape), ...dBias];
    },
  );
}

/**
 * Cuts the volume into cubes of 2³ voxels and maps each linearly: PyTorch's `Conv3d(k=2, stride=2)`. As the first
 * layer, it computes no gradient for x.
 *
 * @param x [b, z, y, x, in], even sides; filter [2, 2, 2, in, out]; bias [out]
 * @returns [b, z/2, y/2, x/2, out]
 */
export function patchEmbed(x: tf.Tensor5D, filter: tf.Tensor5D, bias: tf.Tensor1D): tf.Tensor5D {
  const [b, depth, height, width, channels] = x.shape;
  const out = filter.shape[4];
  const run = width * channels;
  const alongY = tf.transpose(tf.reshape(x, [(b * depth) / 2, 2, height / 2, 2 * run]), [0, 2, 1, 3]);
  const cubes = tf.transpose(tf.reshape(alongY, [(b * depth * height) / 4, 4, width / 2, 2 * channels]), [0, 2, 1, 3]);
  const rows = tf.reshape(cubes, [-1, 8 * channels]) as tf.Tensor2D;
  return tf.reshape(linear(rows, tf.reshape(filter, [8 * channels, out]), bias), [
    b,
    depth / 2,
    height / 2,
    width / 2,
    out,
  ]);
}

function splitFilter(filter: tf.Tensor5D, parts: readonly tf.Tensor5D[]): tf.Tensor5D[] {
  if (parts.length === 1) return [filter];
  const [depth, height, width, channels, out] = filter.shape;
  const taps = tf.reshape(filter, [-1, channels, out]);
  let first = 0;
  return parts.map((part) => {
    const inputs = part.shape[4];
    const slice = tf.slice(taps, [0, first, 0], [-1, inputs, out]);
    first += inputs;
    return tf.reshape(slice, [depth, height, width, inputs, out]);
  });
}
