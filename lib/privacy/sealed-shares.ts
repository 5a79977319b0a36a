import { createCipheriv, createDecipheriv } from 'node:crypto';
import { FedcardioError } from '../error.ts';
import { own as ownValue } from '../own.ts';
import { fromBase64, toBase64 } from './site-keys.ts';

const TAG_BYTES = 16;

/**
 * Encrypts bytes to one reader: AES-256-GCM. The nonce is zero: a key encrypts one text only, because it is derived from all
 * that determines the text.
 *
 * @param key see {@link agreedSecret}; it must depend on the sender, the reader, the round and the secret that is shared
 * @returns base64
 */
export function seal(bytes: Uint8Array, key: Uint8Array): string {
  const cipher = createCipheriv('aes-256-gcm', key, new Uint8Array(12));
  return toBase64(Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]));
}

/**
 * Whether `sealed` has exactly one text for each site, of the length that {@link seal} returns. Anything more would be copied into
 * the documents of the round and count towards their size limit.
 *
 * @param bytes length of a share before it was sealed
 */
export const areSealedFor = (
  sealed: Readonly<Record<string, string>>,
  sites: readonly string[],
  bytes: number,
): boolean => {
  const length = 4 * Math.ceil((bytes + TAG_BYTES) / 3);
  return Object.keys(sealed).length === sites.length && sites.every((to) => ownValue(sealed, to)?.length === length);
};

/**
 * The bytes of {@link seal}.
 *
 * @throws FedcardioError `BAD_MESSAGE` if they were changed, are for another reader or round, or have another length
 */
export function unseal(sealed: string, key: Uint8Array, length: number): Uint8Array {
  const bytes = fromBase64(sealed, length + TAG_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, new Uint8Array(12), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(length));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(0, length)), decipher.final()]);
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', 'Secure aggregation: a sealed share is not for this site and round.', {
      cause,
    });
  }
}
