import { differentiable } from './differentiable.ts';
import { kernels } from './kernels.ts';
import { linear } from './linear.ts';
import { tf } from './tf.ts';

/**
 * 3D convolution with a 3³ filter and one voxel of zeros around the volume, without bias: PyTorch's
 * `Conv3d(k=3, padding=1, bias=False)`.
 *
 * @param parts volumes [b, z, y, x, cᵢ] that count as one with their channels one after the other. Convolving them
 *   apart and adding saves the concatenation, whose gradient is slower than the convolution on WebAssembly.
 * @param filter [3, 3, 3, Σcᵢ, out].
 * @param stride 2 halves the grid, whose sides must be even then.
 * @param input `constant` for the image: no gradient is computed for it.
 */
export function conv3d(
  parts: readonly tf.Tensor5D[],
  filter: tf.Tensor5D,
  { stride = 1, input = 'learnt' }: { readonly stride?: 1 | 2; readonly input?: 'learnt' | 'constant' } = {},
): tf.Tensor5D {
  const k = kernels();
  const learnt = input === 'learnt';
  return differentiable<tf.Tensor5D>(
    learnt ? [...parts, filter] : [filter],
    () => {
      const filters = splitFilter(filter, parts);
      const value = parts
        .map((part, i) => k.conv3d(part, filters[i]!, stride))
        .reduce((total, term) => tf.add(total, term));
      return { value, saved: [...parts, filter] };
    },
    (dy, saved) => {
      const xs = saved.slice(0, -1) as tf.Tensor5D[];
      const filters = splitFilter(saved.at(-1) as tf.Tensor5D, xs);
      const dFilters = xs.map((x) => k.conv3dFilterGradient(x, dy, stride));
      const dFilter = dFilters.length === 1 ? dFilters[0]! : tf.concat(dFilters, 3);
      return learnt ? [...filters.map((part) => k.conv3dInputGradient(dy, part, stride)), dFilter] : [dFilter];
    },
  );
}

/**
 * 1×1×1 convolution: the same linear map in every voxel, PyTorch's `Conv3d(k=1)`.
 *
 * @param parts as in {@link conv3d}.
 * @param filter [1, 1, 1, Σcᵢ, out]; bias [out].
 */
export function pointwise(parts: readonly tf.Tensor5D[], filter: tf.Tensor5D, bias?: tf.Tensor1D): tf.Tensor5D {
  const [b, z, y, x] = parts[0]!.shape;
  const [, , , channels, out] = filter.shape;
  const matrix = tf.reshape(filter, [channels, out]) as tf.Tensor2D;
  let first = 0;
  const terms = parts.map((part, i) => {
    const width = part.shape[4];
    const rows = tf.reshape(part, [-1, width]) as tf.Tensor2D;
    const weight = parts.length === 1 ? matrix : tf.slice(matrix, [first, 0], [width, out]);
    first += width;
    return linear(rows, weight, i === 0 ? bias : undefined);
  });
  return tf.reshape(
    terms.reduce((total, term) => tf.add(total, term)),
    [b, z, y, x, out],
  );
}

/**
 * Doubles the grid: PyTorch's `ConvTranspose3d(k=2, stride=2)` without bias. Its windows do not overlap, so it is a
 * matrix product and a reordering.
 *
 * @param x [b, z, y, x, in].
 * @param filter [2, 2, 2, out, in], TensorFlow's order for transposed convolutions.
 * @returns [b, 2z, 2y, 2x, out].
 */
export function upsample(x: tf.Tensor5D, filter: tf.Tensor5D): tf.Tensor5D {
  const [b, depth, height, width, channels] = x.shape;
  const out = filter.shape[3];
  const rows = tf.reshape(x, [-1, channels]) as tf.Tensor2D;
  const octants = linear(rows, tf.reshape(filter, [8 * out, channels]), undefined, { transposed: true });
  // [b·z·y, x, kz·ky, kx·out] → [b·z·y, kz·ky, x·kx·out] → [b·z, kz, y, ky·x·kx·out]: two transposes of four axes
  // instead of one of eight, which is slow on WebAssembly.
  const run = 2 * width * out;
  const alongX = tf.transpose(tf.reshape(octants, [b * depth * height, width, 4, 2 * out]), [0, 2, 1, 3]);
  const alongY = tf.transpose(tf.reshape(alongX, [b * depth, height, 2, 2 * run]), [0, 2, 1, 3]);
  return tf.reshape(alongY, [b, 2 * depth, 2 * height, 2 * width, out]);
}

/**
 * Cuts the volume into cubes of 2³ voxels and maps each linearly: PyTorch's `Conv3d(k=2, stride=2)`. No gradient
 * reaches x: it serves as the first layer.
 *
 * @param x [b, z, y, x, in], even sides; filter [2, 2, 2, in, out]; bias [out].
 * @returns [b, z/2, y/2, x/2, out].
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
  const [, , , channels, out] = filter.shape;
  const taps = tf.reshape(filter, [27, channels, out]);
  let first = 0;
  return parts.map((part) => {
    const width = part.shape[4];
    const slice = tf.slice(taps, [0, first, 0], [27, width, out]);
    first += width;
    return tf.reshape(slice, [3, 3, 3, width, out]);
  });
}
