import { describe, expect, test } from 'vitest';
import { createSigningKey, identityKey, publicIdentity, signingKeyOf } from './identity.ts';
import { isSigned, signed } from './site-keys.ts';

describe('the identity of a site', () => {
  test('checks what its key has signed', () => {
    for (let i = 0; i < 20; i++) {
      const own = signingKeyOf(createSigningKey());
      const key = identityKey(publicIdentity(own));

      expect(isSigned('keys', signed('keys', i, own), key)).toBe(true);
      expect(isSigned('keys', { ...signed('keys', i, own), content: i + 1 }, key)).toBe(false);
    }
  });

  const REST = 'ff'.repeat(30);
  // Under a key of small order one signature holds for many messages, whoever made it.
  test.each<[string, string]>([
    ['of order 1', `01${'00'.repeat(31)}`],
    ['of order 2', `ec${REST}7f`],
    ['of order 4', '00'.repeat(32)],
    ['of order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['of order 8, the other', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'],
    ['with 0 in a second form', `ed${REST}7f`],
    ['with 1 in a second form', `ee${REST}7f`],
    ['with another number in a second form', `ff${REST}7f`],
  ])('is refused %s, with either sign of x', (_, hex) => {
    for (const sign of [0, 128]) {
      const bytes = Buffer.from(hex, 'hex');
      bytes[31] = (bytes[31] as number) | sign;

      expect(() => identityKey(bytes.toString('base64'))).toThrow('one that anybody could sign for');
    }
  });

  test('is refused with more or fewer than 32 bytes', () => {
    for (const bytes of [31, 33]) {
      expect(() => identityKey(Buffer.alloc(bytes, 17).toString('base64'))).toThrow('expected 32 bytes');
    }
  });
});
