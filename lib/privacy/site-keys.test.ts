import { expect, test } from 'vitest';
import { fromBase64, toBase64 } from './site-keys.ts';

const BYTES = Uint8Array.from({ length: 32 }, (_, i) => 251 - i);
const TEXT = toBase64(BYTES);
/** The next digit of base64, whose last bits are other ones. */
const next = (digit: string) => String.fromCharCode(digit.charCodeAt(0) + 1);

test('a text is read if it is the one encoding of so many bytes', () => {
  expect(fromBase64(TEXT, 32)).toEqual(Buffer.from(BYTES));
});

// A key with two texts would count as two keys.
test.each<[string, string]>([
  ['with other bits behind the last byte', TEXT.replace(/(.)=$/, (_, last: string) => `${next(last)}=`)],
  ['with a line break', `${TEXT.slice(0, 43)}\n`],
  ['in the alphabet of URLs', TEXT.replaceAll('+', '-').replaceAll('/', '_')],
  ['without padding', TEXT.slice(0, 43)],
  ['of fewer bytes', toBase64(BYTES.subarray(1))],
  ['of more bytes', toBase64(Uint8Array.of(...BYTES, 1))],
  ['that is much longer', TEXT.repeat(1000)],
])('a text %s is refused', (_, text) => {
  expect(text).not.toBe(TEXT);
  expect(() => fromBase64(text, 32)).toThrow('Secure aggregation: expected 32 bytes in base64.');
});
