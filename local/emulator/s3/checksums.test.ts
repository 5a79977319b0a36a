import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHECKSUM_ALGORITHMS, compositeChecksum, createDigest, declaredChecksum } from './checksums.ts';

const FIXTURE = new URL('../../../test/fixtures/storage/checksums.json', import.meta.url);
type Case = { readonly bytes: number } & Readonly<Record<string, string>>;
const cases = JSON.parse(readFileSync(FIXTURE, 'utf8')) as readonly Case[];

/** The bytes of the fixture's script. */
const pattern = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8)) % 256);

describe.each([...CHECKSUM_ALGORITHMS, 'md5'] as const)('%s', (algorithm) => {
  test.each(cases)("of $bytes bytes equals that of AWS's own library", (expected) => {
    const digest = createDigest(algorithm);
    digest.update(pattern(expected.bytes));
    expect(digest.digest().toString('hex')).toBe(expected[algorithm]);
  });

  test('does not depend on how the bytes are split', () => {
    const whole = createDigest(algorithm);
    whole.update(pattern(500));
    const expected = whole.digest();
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 500 }), { maxLength: 6 }), (cuts) => {
        const digest = createDigest(algorithm);
        const edges = [0, ...cuts.toSorted((a, b) => a - b), 500];
        edges.slice(1).forEach((edge, i) => {
          digest.update(pattern(500).subarray(edges[i], edge));
        });
        expect(digest.digest()).toEqual(expected);
      }),
    );
  });
});

describe('the checksum of a request', () => {
  test('is in a header or announced for a trailer', () => {
    expect(declaredChecksum({ 'x-amz-checksum-sha256': 'abc' })).toEqual({ algorithm: 'sha256', value: 'abc' });
    expect(declaredChecksum({ 'x-amz-trailer': 'x-amz-checksum-crc32' })).toEqual({
      algorithm: 'crc32',
      value: undefined,
    });
    expect(declaredChecksum({ 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-mode': 'ENABLED' })).toBeUndefined();
  });

  test('must be the only one and have a known algorithm', () => {
    const two = { 'x-amz-checksum-sha256': 'abc', 'x-amz-trailer': 'x-amz-checksum-crc32' };
    expect(() => declaredChecksum(two)).toThrow(expect.objectContaining({ code: 'InvalidRequest' }));
    const unknown = { 'x-amz-checksum-xxhash64': 'abc' };
    expect(() => declaredChecksum(unknown)).toThrow(expect.objectContaining({ code: 'NotImplemented' }));
  });
});

test('ends a composite checksum with the number of parts', () => {
  const parts = [Buffer.from('one').toString('base64'), Buffer.from('two').toString('base64')];
  const digest = createDigest('sha1');
  digest.update(Buffer.from('onetwo'));
  expect(compositeChecksum('sha1', parts).value).toBe(`${digest.digest().toString('base64')}-2`);
});
