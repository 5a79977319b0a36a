import { expect, test } from 'vitest';
import { safeName } from './folder.ts';

test.each([
  ['Pätient 1.nii.gz', 'Pätient_1.nii.gz'],
  ['Pa\u0308tient.nii', 'Pätient.nii'],
  ['患者_1-2.nii', '患者_1-2.nii'],
  ['../../etc/passwd', '_.._etc_passwd'],
  ['..\\a\u0000\nb', '_a__b'],
  ['.hidden', 'hidden'],
  ['-rf', 'rf'],
  ['<img src=x>"\u202e.nii', '_img_src_x___.nii'],
  ['...', 'unnamed'],
])('makes of %j the file name %j', (name, safe) => {
  expect(safeName(name)).toBe(safe);
});

test('keeps the end of a name, within the bytes of a file system', () => {
  const safe = safeName(`${'患'.repeat(300)}.nii.gz`);

  expect(safe).toMatch(/^患+\.nii\.gz$/);
  expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(150);
});
