import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync, type KeyObject, sign, verify } from 'node:crypto';
import { FedcardioError } from '../error.ts';
import { canonicalJson } from '../json.ts';

/** Bytes of a secret, of a seed and of an X25519 key. */
export const SECRET_BYTES = 32;

const SALT = 'fedcardio secure aggregation/1';
/** Headers of RFC 8410: an X25519 key in DER is one of them and 32 bytes. */
const PRIVATE_DER = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_DER = Buffer.from('302a300506032b656e032100', 'hex');

/**
 * A secret of its own for each purpose: HKDF with SHA-256 (RFC 5869).
 *
 * @param purpose what it is for, and everything that must change it; encoded without ambiguity
 */
export const derivedSecret = (secret: Uint8Array, purpose: readonly (string | number)[]): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', secret, SALT, canonicalJson(purpose), SECRET_BYTES));

/** The public key of an X25519 key, base64. */
export const publicKeyOf = (privateKey: KeyObject): string =>
  createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).subarray(PUBLIC_DER.length).toString('base64');

/**
 * What only the holders of either secret key can compute: X25519 (RFC 7748), then HKDF.
 *
 * @param publicKey of the other, base64
 * @throws FedcardioError `BAD_MESSAGE` if it is no key, or one of the few that give the same result for every secret
 */
export function agreedSecret(
  privateKey: KeyObject,
  publicKey: string,
  purpose: readonly (string | number)[],
): Uint8Array {
  try {
    const raw = fromBase64(publicKey, SECRET_BYTES);
    const other = createPublicKey({ key: Buffer.concat([PUBLIC_DER, raw]), format: 'der', type: 'spki' });
    return derivedSecret(diffieHellman({ privateKey, publicKey: other }), purpose);
  } catch (cause) {
    throw new FedcardioError('BAD_MESSAGE', 'Secure aggregation: a public key is unusable.', { cause });
  }
}

/** The field of both curves. */
export const FIELD = 2n ** 255n - 19n;
/** u-coordinates of the points of small order (https://cr.yp.to/ecdh.html#validate). */
const SMALL_ORDER = new Set([
  0n,
  1n,
  FIELD - 1n,
  325606250916557431795983626356110631294008115727848805560023387167927233504n,
  39382357235489614581723060781553021112529911719440698176882885853963445705823n,
]);

/**
 * Checks another's X25519 key when it comes: nobody could agree with it later if it gave the same secret to all.
 *
 * @param publicKey base64
 * @throws FedcardioError `BAD_MESSAGE` if it is no key, one of small order, or not in its shortest form
 */
export function requirePublicKey(publicKey: string): void {
  const u = numberOf(publicKey);
  // RFC 7748 takes larger numbers for what they are in the field. No key is written so, and each has one text here.
  if (u < FIELD && !SMALL_ORDER.has(u)) return;
  throw new FedcardioError('BAD_MESSAGE', 'Secure aggregation: a public key is one that everybody could agree with.');
}

/** The number that a public key writes, its lowest byte first. Throws `BAD_MESSAGE` unless it has 32 bytes. */
export const numberOf = (publicKey: string): bigint =>
  BigInt(`0x${Buffer.from(fromBase64(publicKey, SECRET_BYTES)).reverse().toString('hex')}`);

/** The X25519 key of 32 secret bytes. Takes longer than to agree with it: keep it for all agreements. */
export const privateKeyOf = (secret: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([PRIVATE_DER, secret]), format: 'der', type: 'pkcs8' });

/** Bytes of a base64 text. Throws `BAD_MESSAGE` unless it is the one encoding of that many bytes. */
export function fromBase64(text: string, length: number): Uint8Array {
  const bytes = text.length === Math.ceil(length / 3) * 4 ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (bytes.length === length && bytes.toString('base64') === text) return bytes;
  throw new FedcardioError('BAD_MESSAGE', `Secure aggregation: expected ${length} bytes in base64.`);
}

export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** What a site says, with its Ed25519 signature over the kind and the content. */
export interface Signed<T> {
  readonly content: T;
  /** base64. */
  readonly signature: string;
}

/**
 * Signs with a site's Ed25519 key.
 *
 * @param kind of message: a signature under one kind is none under another
 */
export const signed = <T>(kind: string, content: T, key: KeyObject): Signed<T> => ({
  content,
  signature: sign(null, signedBytes(kind, content), key).toString('base64'),
});

/** Whether the holder of the key has signed a message as one of this kind. */
export const isSigned = <T>(kind: string, { content, signature }: Signed<T>, key: KeyObject): boolean =>
  verify(null, signedBytes(kind, content), key, Buffer.from(signature, 'base64'));

/**
 * The content. Throws `BAD_MESSAGE` unless the holder of the key has signed it.
 *
 * @param who for the message: "berlin"
 */
export function verified<T>(kind: string, message: Signed<T>, key: KeyObject, who: string): T {
  if (isSigned(kind, message, key)) return message.content;
  throw new FedcardioError('BAD_MESSAGE', `Secure aggregation: the signature of ${who} under its ${kind} is wrong.`, {
    hint: `Compare the fingerprint of its key with ${who} by telephone.`,
  });
}

const signedBytes = (kind: string, content: unknown): Uint8Array => Buffer.from(canonicalJson([SALT, kind, content]));
