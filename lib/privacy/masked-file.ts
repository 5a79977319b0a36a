import { FedcardioError } from '../error.ts';
import { encodeSafetensorsHeader, type TensorShape } from '../weights/safetensors.ts';
import { elementsOf } from '../weights/weights.ts';
import { decodeMean, encodeFixed, type FixedPoint } from './fixed-point.ts';
import { createRingMasks, type MaskTerm } from './ring-masks.ts';

/**
 * The first tensor of a masked file: what each other tensor, in order, was weighted with. Masked like the values, so that the
 * coordinator learns only by what to divide. 0 for a tensor that the site has not trained.
 */
const WEIGHTS_TENSOR = 'secure/weights';

type Layout = ReadonlyMap<string, TensorShape>;

/** What a masked update holds besides its masks. */
export interface MaskedFile {
  /** The float tensors of the model, in file order. */
  readonly layout: Layout;
  readonly terms: FixedPoint;
  readonly masks: readonly MaskTerm[];
  /** What the sum is divided by. Default: what the updates in it weigh together. */
  readonly divisor?: number | undefined;
}

/** The layout of a masked file. Throws `BAD_CONFIGURATION` for integers, of which a merge takes the maximum, not the sum. */
export function maskedLayout(layout: Layout): Layout {
  const integer = [...layout].find(([, { dtype }]) => dtype === 'I32' || dtype === 'I64');
  if (integer) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Secure aggregation adds floats; tensor "${integer[0]}" is ${integer[1].dtype}.`,
    );
  }
  const masked = [...layout].map(([name, { shape }]) => [name, { dtype: 'I32', shape }] as const);
  return new Map<string, TensorShape>([[WEIGHTS_TENSOR, { dtype: 'I32', shape: [layout.size] }], ...masked]);
}

/**
 * The bytes of a masked update, part by part: a safetensors file of I32. What is yielded is valid until the next part is
 * requested.
 *
 * @param values all values in file order, in slices of any length. Differences from the round's model: a sum that no site
 *   adds to is then no change
 * @param weightOf whole weight of a tensor by its name
 * @param addNoise adds whole-number noise before the masks
 */
export async function* maskedFile(
  { layout, terms, masks }: MaskedFile,
  values: AsyncIterable<Float32Array> | Iterable<Float32Array>,
  weightOf: (tensor: string) => number,
  addNoise: (fixed: Int32Array) => void = () => undefined,
): AsyncGenerator<Uint8Array> {
  const mask = createRingMasks(masks);
  const weights = [...layout.keys()].map((name) => requireWeight(name, weightOf(name), terms));
  yield encodeSafetensorsHeader(maskedLayout(layout));
  const stored = Int32Array.from(weights);
  mask(stored);
  yield bytesOf(stored);
  const walk = createWalk(layout);
  for await (const slice of values) {
    const fixed = new Int32Array(slice.length);
    for (const { index, start, end } of walk.next(slice.length)) {
      encodeFixed(slice.subarray(start, end), weights[index] as number, terms, fixed.subarray(start, end));
    }
    addNoise(fixed);
    mask(fixed);
    yield bytesOf(fixed);
  }
  walk.end();
}

/** A part of one tensor of the mean. */
export interface MeanPart {
  readonly tensor: string;
  /** What the sites' weights for this tensor add up to. With 0, all values are 0. */
  readonly weight: number;
  readonly values: Float32Array;
}

/**
 * The weighted mean of updates, part by part in file order.
 *
 * @param masks what removes the masks: see `recoverMasks`
 * @param addMasks adds them to the next values, in place; by default in this thread
 * @param sums the sum of the masked files' values modulo 2³², from the weights tensor on, in slices of any length
 */
export async function* meanOfSums(
  { layout, terms, masks, divisor }: MaskedFile,
  sums: AsyncIterable<Int32Array> | Iterable<Int32Array>,
  addMasks: (values: Int32Array) => void | Promise<void> = createRingMasks(masks),
): AsyncGenerator<MeanPart> {
  const names = [...layout.keys()];
  const weights: number[] = [];
  const walk = createWalk(layout);
  for await (const slice of sums) {
    const sum = slice.slice();
    await addMasks(sum);
    const head = sum.subarray(0, names.length - weights.length);
    weights.push(...head);
    const rest = sum.subarray(head.length);
    for (const { index, start, end } of walk.next(rest.length)) {
      const values = new Float32Array(end - start);
      const weight = weights[index] as number;
      if (weight > 0) decodeMean(rest.subarray(start, end), divisor ?? weight, terms, values);
      yield { tensor: names[index] as string, weight, values };
    }
  }
  walk.end();
}

function requireWeight(tensor: string, weight: number, { totalWeight }: FixedPoint): number {
  if (Number.isInteger(weight) && weight >= 0 && weight <= totalWeight) return weight;
  throw new FedcardioError(
    'BAD_UPDATE',
    `Tensor "${tensor}" has a weight of ${weight}; whole numbers up to ${totalWeight} are possible.`,
  );
}

/** Follows a position through the tensors of a layout. */
function createWalk(layout: Layout) {
  const sizes = [...layout.values()].map(({ shape }) => elementsOf(shape));
  let [index, inside] = [0, 0];
  return {
    /** The parts of the next `length` values by tensor; positions within these values. */
    next(length: number) {
      const parts: { index: number; start: number; end: number }[] = [];
      for (let start = 0; start < length; ) {
        const size = sizes[index];
        if (size === undefined) throw wrongLength('more');
        const end = Math.min(length, start + size - inside);
        if (end > start) parts.push({ index, start, end });
        inside += end - start;
        if (inside === size) [index, inside] = [index + 1, 0];
        start = end;
      }
      return parts;
    },
    /** Throws unless all values have been there. */
    end() {
      if (sizes.slice(index).reduce((sum, size) => sum + size, 0) > inside) throw wrongLength('fewer');
    },
  };
}

const wrongLength = (than: string): FedcardioError =>
  new FedcardioError('BAD_WEIGHTS', `The values are ${than} than the layout of the model has.`);

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
