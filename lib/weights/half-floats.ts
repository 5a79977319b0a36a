/**
 * Half floats, little-endian as in a file. F16 is IEEE 754 binary16, BF16 the upper half of a binary32. Encoding rounds
 * to nearest, ties to even. Node 20 has no `Float16Array`.
 */

export type HalfDtype = 'F16' | 'BF16';

/** The float32 value of every binary16, by its bits. */
const F16_VALUES = new Float32Array(0x10000);
{
  const bits = new Uint32Array(F16_VALUES.buffer);
  for (let half = 0; half < 0x10000; half++) {
    const [sign, exponent, fraction] = [(half & 0x8000) << 16, (half >> 10) & 31, half & 0x3ff];
    if (exponent === 31) bits[half] = sign | 0x7f800000 | (fraction << 13);
    else if (exponent > 0) bits[half] = sign | ((exponent + 112) << 23) | (fraction << 13);
    else F16_VALUES[half] = (sign ? -1 : 1) * fraction * 2 ** -24;
  }
}

/** Decodes exactly to float32. Writes as many of `values` as `bytes` has half floats. */
export function decodeHalf(bytes: Uint8Array, dtype: HalfDtype, values: Float32Array): void {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : Uint8Array.from(bytes);
  const halves = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
  if (dtype === 'F16') {
    for (let i = 0; i < halves.length; i++) values[i] = F16_VALUES[halves[i] as number] as number;
  } else {
    const bits = new Uint32Array(values.buffer, values.byteOffset, halves.length);
    for (let i = 0; i < halves.length; i++) bits[i] = (halves[i] as number) << 16;
  }
}

/** The nearest half floats. Values beyond the range (65,504 in F16) become infinite; NaN stays NaN. */
export function encodeHalf(values: Float32Array, dtype: HalfDtype): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const encode = dtype === 'F16' ? toF16 : toBF16;
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < halves.length; i++) halves[i] = encode(bits[i] as number);
  return halves;
}

function toBF16(bits: number): number {
  // Rounding up could turn a NaN into a zero.
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

function toF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // From half way between the largest binary16 and the next power of two.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Changes the exponent's bias from 127 to 15. Rounding may carry into the exponent, which is correct.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Below 2⁻¹⁴ a binary16 counts steps of 2⁻²⁴; up to half a step is zero.
  if (magnitude <= 0x33000000) return sign;
  const shift = 126 - (magnitude >>> 23);
  const fraction = (magnitude & 0x7fffff) | 0x800000;
  return sign | ((fraction + (1 << (shift - 1)) - 1 + ((fraction >>> shift) & 1)) >>> shift);
}
