import { createCipheriv, randomBytes } from 'node:crypto';
import type { Random } from '../random.ts';

/** Unpredictable bytes: the next `count` of a stream. All randomness of this room comes from such a function. */
export type RandomBytes = (count: number) => Uint8Array;

const BUFFERED = 4096;

/** Bytes of the operating system's generator, by node:crypto. */
export const secureBytes = (): RandomBytes => buffered(() => randomBytes(BUFFERED));

/**
 * Bytes that a secret determines: the key stream of AES-256 in counter mode. Nobody can tell them from random ones without
 * the secret.
 *
 * @param key 32 bytes, used for nothing else
 */
export function derivedBytes(key: Uint8Array): RandomBytes {
  const cipher = keyStream(key);
  const zeros = new Uint8Array(BUFFERED);
  return buffered(() => cipher.update(zeros));
}

/** The cipher whose output for zeros is the key stream. Every key has one stream, so that no nonce is needed. */
export const keyStream = (key: Uint8Array) => createCipheriv('aes-256-ctr', key, new Uint8Array(16));

function buffered(more: () => Uint8Array): RandomBytes {
  let ahead: Uint8Array = new Uint8Array();
  return (count) => {
    while (ahead.length < count) ahead = Buffer.concat([ahead, more()]);
    const taken = ahead.subarray(0, count);
    ahead = ahead.subarray(count);
    return taken;
  };
}

/** Uniform numbers in [0, 1) with 53 random bits each. */
export const uniformOf =
  (bytes: RandomBytes): Random =>
  () => {
    const taken = bytes(7);
    const high = ((taken[0] as number) & 31) * 2 ** 16 + (taken[1] as number) * 2 ** 8 + (taken[2] as number);
    const low = ((taken[3] as number) << 24) | ((taken[4] as number) << 16) | ((taken[5] as number) << 8);
    return (high * 2 ** 32 + ((low | (taken[6] as number)) >>> 0)) / 2 ** 53;
  };

/** Whole numbers from 0 to below `limit`, each equally likely: drawn again if beyond the limit. */
export function uniformBelow(bytes: RandomBytes, limit: bigint): bigint {
  const bits = (limit - 1n).toString(2).length;
  const length = Math.ceil(bits / 8);
  const mask = (1n << BigInt(bits)) - 1n;
  for (;;) {
    let value = 0n;
    for (const byte of bytes(length)) value = (value << 8n) | BigInt(byte);
    value &= mask;
    if (value < limit) return value;
  }
}
