import { keyStream } from './random-bytes.ts';

/** A mask and whether it is added or subtracted. */
export interface MaskTerm {
  /** 32 bytes, used for this mask alone. */
  readonly seed: Uint8Array;
  readonly sign: 1 | -1;
}

/** Values of key stream at once, for all masks: 256 KiB. */
const BLOCK = 64 * 1024;
const ZEROS = new Uint8Array(4 * BLOCK);

/**
 * Adds masks to values modulo 2³², in place. Values come in any slices, in order: the next call goes on where the last one
 * ended. A mask is the key stream of AES-256 in counter mode, as little-endian 32-bit numbers.
 */
export function createRingMasks(terms: readonly MaskTerm[]): (values: Int32Array) => void {
  const streams = terms.map(({ seed, sign }) => ({ cipher: keyStream(seed), sign }));
  return (values) => {
    for (let start = 0; start < values.length; start += BLOCK) {
      const part = values.subarray(start, start + BLOCK);
      for (const { cipher, sign } of streams) {
        const bytes = cipher.update(ZEROS.subarray(0, 4 * part.length));
        addMask(part, new Int32Array(bytes.buffer, bytes.byteOffset, part.length), sign);
      }
    }
  };
}

/** The masks that undo others. */
export const inverse = (terms: readonly MaskTerm[]): readonly MaskTerm[] =>
  terms.map(({ seed, sign }) => ({ seed, sign: sign === 1 ? -1 : 1 }));

function addMask(values: Int32Array, mask: Int32Array, sign: 1 | -1): void {
  if (sign === 1) for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + (mask[i] as number);
  else for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) - (mask[i] as number);
}

/** Adds values to a sum modulo 2³², in place. */
export const addToSum = (sum: Int32Array, values: Int32Array): void => addMask(sum, values, 1);
