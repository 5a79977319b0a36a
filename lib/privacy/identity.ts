import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { sha256Hex } from '../json.ts';
import { fromBase64, SECRET_BYTES, toBase64 } from './site-keys.ts';

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

/** The key of {@link publicIdentity}. Throws `BAD_MESSAGE` unless it has 32 bytes. */
export const identityKey = (identity: string): KeyObject =>
  createPublicKey({
    key: Buffer.concat([PUBLIC_DER, fromBase64(identity, SECRET_BYTES)]),
    format: 'der',
    type: 'spki',
  });

/** What people compare by telephone: the first 128 bits of the key's SHA-256, in groups of four digits. */
export const fingerprintOf = (identity: string): string =>
  (sha256Hex(fromBase64(identity, SECRET_BYTES)).slice(0, 32).match(/.{4}/g) ?? []).join(' ');
