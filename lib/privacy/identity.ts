import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { FedcardioError } from '../error.ts';
import { sha256Hex } from '../json.ts';
import { FIELD, fromBase64, numberOf, SECRET_BYTES, toBase64 } from './site-keys.ts';

/** Header of RFC 8410: a public Ed25519 key in DER is this and 32 bytes. */
const PUBLIC_DER = Buffer.from('302a300506032b6570032100', 'hex');

/** A new Ed25519 key, PKCS #8 in DER, base64. */
export const createSigningKey = (): string =>
  toBase64(generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'der' }));

export const signingKeyOf = (der: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'pkcs8' });

/** The public half of a site's Ed25519 key: 32 bytes, base64. */
export const publicIdentity = (signingKey: KeyObject): string =>
  toBase64(createPublicKey(signingKey).export({ type: 'spki', format: 'der' }).subarray(PUBLIC_DER.length));

/** y of two of the points of order 8; the other two have −y. */
const ORDER_8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
/** y-coordinates of the points of orders 1, 2, 4 and 8, with either sign of x. */
const SMALL_ORDER = new Set([0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8]);

/**
 * The key of {@link publicIdentity}.
 *
 * @throws FedcardioError `BAD_MESSAGE` if it has not 32 bytes, or is a point of small order, under which one signature holds for
 *   many messages, or not in its shortest form
 */
export function identityKey(identity: string): KeyObject {
  // The highest bit is the sign of x.
  const y = BigInt.asUintN(255, numberOf(identity));
  if (y >= FIELD || SMALL_ORDER.has(y)) {
    throw new FedcardioError(
      'BAD_MESSAGE',
      'Secure aggregation: the identity of a site is one that anybody could sign for.',
    );
  }
  const raw = fromBase64(identity, SECRET_BYTES);
  return createPublicKey({ key: Buffer.concat([PUBLIC_DER, raw]), format: 'der', type: 'spki' });
}

/** What people compare by telephone: the first 128 bits of the key's SHA-256, in groups of four digits. */
export const fingerprintOf = (identity: string): string =>
  (sha256Hex(fromBase64(identity, SECRET_BYTES)).slice(0, 32).match(/.{4}/g) ?? []).join(' ');
