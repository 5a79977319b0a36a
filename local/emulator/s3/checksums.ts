import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { createCrc32c, createCrc64Nvme } from './crc.ts';
import { S3Error } from './error.ts';

export const CHECKSUM_ALGORITHMS = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE';

/** A checksum in base64. A composite of N parts ends with `-N`. */
export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  readonly value: string;
}

/** A digest in progress. */
export interface Digest {
  update(bytes: Uint8Array): void;
  digest(): Buffer;
}

/** Starts a digest. MD5 is for ETags. */
export function createDigest(algorithm: ChecksumAlgorithm | 'md5'): Digest {
  if (algorithm === 'crc32c') return createCrc32c();
  if (algorithm === 'crc64nvme') return createCrc64Nvme();
  if (algorithm === 'crc32') return createCrc32();
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

function createCrc32(): Digest {
  let value = 0;
  return {
    update(bytes) {
      value = crc32(bytes, value);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}

/** Starts the {@link Checksum} of a whole object. */
export function createChecksum(algorithm: ChecksumAlgorithm): {
  update(bytes: Uint8Array): void;
  checksum(): Checksum;
} {
  const digest = createDigest(algorithm);
  return {
    update: (bytes) => digest.update(bytes),
    checksum: () => ({ algorithm, type: 'FULL_OBJECT', value: digest.digest().toString('base64') }),
  };
}

const PREFIX = 'x-amz-checksum-';

/** The checksum that a request declares: a value in a header, or undefined if it follows in a trailer. */
export interface DeclaredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly value: string | undefined;
}

/**
 * The checksum that a request declares.
 *
 * @throws S3Error InvalidRequest for more than one, NotImplemented for an unknown algorithm
 */
export function declaredChecksum(headers: IncomingHttpHeaders): DeclaredChecksum | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith(PREFIX) && !NOT_VALUES.has(name));
  const trailers = String(headers['x-amz-trailer'] ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name.startsWith(PREFIX));
  if (names.length + trailers.length > 1) {
    throw new S3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum types are not allowed.',
    );
  }
  const name = names[0] ?? trailers[0];
  if (name === undefined) return undefined;
  return { algorithm: algorithmNamed(name.slice(PREFIX.length)), value: names[0] && String(headers[names[0]]) };
}

const NOT_VALUES = new Set([`${PREFIX}algorithm`, `${PREFIX}type`, `${PREFIX}mode`]);

/** @throws S3Error NotImplemented for an unknown algorithm */
export function algorithmNamed(name: string): ChecksumAlgorithm {
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name.toLowerCase());
  if (!algorithm) throw new S3Error('NotImplemented', `This server does not implement the checksum algorithm ${name}.`);
  return algorithm;
}

/** Name of an algorithm's header. */
export const checksumHeader = (algorithm: ChecksumAlgorithm): string => `${PREFIX}${algorithm}`;

/** Name of an algorithm's XML element, such as `ChecksumCRC64NVME`. */
export const checksumElement = (algorithm: ChecksumAlgorithm): string => `Checksum${algorithm.toUpperCase()}`;

/** Response headers of a stored checksum. */
export function checksumHeaders(checksum: Checksum | undefined): Readonly<Record<string, string>> {
  if (!checksum) return {};
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type };
}

/** The checksum of the parts' checksums, in the order of the parts. */
export function compositeChecksum(algorithm: ChecksumAlgorithm, parts: readonly string[]): Checksum {
  const digest = createDigest(algorithm);
  for (const part of parts) digest.update(Buffer.from(part, 'base64'));
  return { algorithm, type: 'COMPOSITE', value: `${digest.digest().toString('base64')}-${parts.length}` };
}
