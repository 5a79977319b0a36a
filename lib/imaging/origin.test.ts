import { expect, test } from 'vitest';
import { originLine } from './origin.ts';

const HASHES = { model: '0'.repeat(64), image: { sha256: '1'.repeat(64) } };

test.each([
  ['CT', 'prediction', /^fedcardio \S+ model 0{12} CT 1{12}: for research only$/],
  ['voxels', 'prediction', /^fedcardio \S+ model 0{12} voxels 1{12}: for research only$/],
  ['voxels', 'pseudo-label', /^fedcardio \S+ model 0{12} voxels 1{12}: research pseudo-label$/],
] as const)('the line of origin by %s of a %s fits into a NIfTI header', (of, kind, text) => {
  const line = originLine({ ...HASHES, of }, kind);

  expect(line).toMatch(text);
  expect(Buffer.byteLength(line)).toBeLessThanOrEqual(79);
});
