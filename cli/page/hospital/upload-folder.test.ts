import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createUploadFolder, type UploadFolder } from './upload-folder.ts';

let folder: UploadFolder;
beforeEach(() => {
  folder = createUploadFolder(4);
});
afterEach(() => folder.remove());

async function* body(text: string, error?: Error) {
  yield Buffer.from(text);
  if (error) throw error;
}

test('takes a file again that was cut off, within the bytes that were announced', async () => {
  await expect(folder.write('p1/image.nii', body('sca', new Error('The connection was lost.')))).rejects.toThrow(
    'lost',
  );

  await folder.write('p1/image.nii', body('scan'));

  expect(readFileSync(join(folder.given, 'p1/image.nii'), 'utf8')).toBe('scan');
});

test('keeps a file that is complete when it is sent again', async () => {
  await folder.write('p1/image.nii', body('ct'));

  await expect(folder.write('p1/image.nii', body('x'))).rejects.toThrow('There is a file already');

  expect(readFileSync(join(folder.given, 'p1/image.nii'), 'utf8')).toBe('ct');
});
