/**
 * Reflected CRCs in two 32-bit halves, eight bytes per step ("slicing by 8", Kounavis and Berry 2005). CRC-32 is in
 * `node:zlib`.
 */
export interface Crc {
  update(bytes: Uint8Array): void;
  /** Big-endian, as S3's checksum headers hold it. */
  digest(): Buffer;
}

interface Tables {
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

/** `table[k * 256 + b]` is the remainder of byte b followed by k zero bytes. Takes a reflected polynomial. */
function tablesOf(polynomialHigh: number, polynomialLow: number): Tables {
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let lo = byte;
    let hi = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = lo & 1;
      lo = (lo >>> 1) | ((hi & 1) << 31);
      hi >>>= 1;
      if (carry) {
        lo ^= polynomialLow;
        hi ^= polynomialHigh;
      }
    }
    low[byte] = lo;
    high[byte] = hi;
  }
  for (let i = 256; i < low.length; i++) {
    const lo = low[i - 256] as number;
    const hi = high[i - 256] as number;
    low[i] = ((lo >>> 8) | (hi << 24)) ^ (low[lo & 255] as number);
    high[i] = (hi >>> 8) ^ (high[lo & 255] as number);
  }
  return { low, high };
}

let castagnoli: Tables | undefined;
let nvme: Tables | undefined;

/** CRC-32C (RFC 3720, appendix B.4). */
export function createCrc32c(): Crc {
  castagnoli ??= tablesOf(0, 0x82f63b78);
  return createCrc(castagnoli, 4);
}

/** CRC-64/NVME, as S3 uses it for whole objects. */
export function createCrc64Nvme(): Crc {
  nvme ??= tablesOf(0x9a6c9329, 0xac4bc9b5);
  return createCrc(nvme, 8);
}

function createCrc({ low: L, high: H }: Tables, width: 4 | 8): Crc {
  let lo = 0xffffffff;
  let hi = width === 8 ? 0xffffffff : 0;

  function update(bytes: Uint8Array): void {
    const at = (table: Uint32Array, index: number) => table[index] as number;
    let i = 0;
    for (; i + 8 <= bytes.length; i += 8) {
      const a = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
      const b = bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24);
      const x = lo ^ a;
      const y = hi ^ b;
      const i0 = 1792 + (x & 255);
      const i1 = 1536 + ((x >>> 8) & 255);
      const i2 = 1280 + ((x >>> 16) & 255);
      const i3 = 1024 + (x >>> 24);
      const i4 = 768 + (y & 255);
      const i5 = 512 + ((y >>> 8) & 255);
      const i6 = 256 + ((y >>> 16) & 255);
      const i7 = y >>> 24;
      lo = at(L, i0) ^ at(L, i1) ^ at(L, i2) ^ at(L, i3) ^ at(L, i4) ^ at(L, i5) ^ at(L, i6) ^ at(L, i7);
      hi = at(H, i0) ^ at(H, i1) ^ at(H, i2) ^ at(H, i3) ^ at(H, i4) ^ at(H, i5) ^ at(H, i6) ^ at(H, i7);
    }
    for (; i < bytes.length; i++) {
      const index = (lo ^ bytes[i]!) & 255;
      lo = ((lo >>> 8) | (hi << 24)) ^ at(L, index);
      hi = (hi >>> 8) ^ at(H, index);
    }
  }

  return {
    update,
    digest() {
      const value = Buffer.alloc(width);
      if (width === 8) value.writeUInt32BE(~hi >>> 0, 0);
      value.writeUInt32BE(~lo >>> 0, width - 4);
      return value;
    },
  };
}
