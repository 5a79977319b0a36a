import type { Volume } from '../imaging/volume.ts';
import { decodeChunk, flipped, type SliceOrder, type StackOrder, type StoredValues } from './decode-chunk.ts';

/** Voxels that are decoded at a time, bytes. WebAssembly has 2 GiB, and dcm2niix copies the volume. */
const CHUNK_BYTES = 64 * 1024 * 1024;

/**
 * The voxels of a stack in HU. x runs along the columns, y against the rows, z along the stack, as dcm2niix writes axial
 * CTs. int16 if all values are whole and fit, otherwise float32.
 *
 * dcm2niix decodes and stacks; its size and affine must be those of the stack's own geometry, and every voxel that was not
 * compressed must be the file's.
 *
 * @param onSlices called with the number of slices decoded so far
 * @throws BAD_IMAGE if a file is damaged or the two disagree
 */
export async function decodeStack(stack: StackOrder, onSlices?: (done: number) => void): Promise<Volume> {
  const { slices, grid } = stack;
  const [nx, ny] = grid.shape;
  const voxels = nx * ny;
  const size = Math.max(3, Math.floor(CHUNK_BYTES / (2 * voxels)));
  const chunks = Math.max(1, Math.floor(slices.length / size));
  let data: Int16Array | Float32Array = new Int16Array(voxels * slices.length);
  for (let chunk = 0; chunk < chunks; chunk += 1) {
    const [from, to] = [chunk, chunk + 1].map((index) => Math.round((index * slices.length) / chunks)) as [
      number,
      number,
    ];
    const stored = await decodeChunk(stack, from, to);
    stored.forEach((values, index) => {
      const { slope, intercept } = slices[from + index] as SliceOrder;
      const hounsfield = rescaled(values, slope, intercept);
      if (hounsfield instanceof Float32Array && data instanceof Int16Array) data = Float32Array.from(data);
      data.set(hounsfield, (from + index) * voxels);
    });
    onSlices?.(to);
  }
  return { shape: grid.shape, affine: flipped(grid, [1]), data };
}

function rescaled(values: StoredValues, slope: number, intercept: number): Int16Array | Float32Array {
  const [least, most] = rangeOf(values);
  const ends = [slope * least + intercept, slope * most + intercept];
  const isWhole = Number.isInteger(slope) && Number.isInteger(intercept);
  const fits = isWhole && Math.min(...ends) >= -32768 && Math.max(...ends) <= 32767;
  const result = fits ? new Int16Array(values.length) : new Float32Array(values.length);
  for (let i = 0; i < values.length; i += 1) result[i] = slope * (values[i] as number) + intercept;
  return result;
}

function rangeOf(values: StoredValues): readonly [number, number] {
  let [least, most] = [values[0] as number, values[0] as number];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return [least, most];
}
