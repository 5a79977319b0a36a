import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { CASE_FOLDERS } from '../federation/keys.ts';
import { writeNifti } from '../imaging/nifti-write.ts';
import type { Volume } from '../imaging/volume.ts';

/** The file of a case's CT in its folder. */
const IMAGE = 'image.nii.gz';
/** Where a case may lie: cases are sorted into the folders of a bucket after their import. */
const FOLDERS: readonly string[] = ['', ...Object.values(CASE_FOLDERS)];

/** The folder of a case that has an image. */
export const folderWithImage = (out: string, caseId: string): string | undefined =>
  FOLDERS.map((name) => join(out, name, caseId)).find((path) => existsSync(join(path, IMAGE)));

/** Whether a case has other files than its image, such as labels. */
export const hasOtherFiles = (folder: string): boolean =>
  readdirSync(folder).some((name) => name !== IMAGE && !name.startsWith('.'));

/** Whether a case's image is this volume; false if it cannot be read. */
export function holdsVolume(folder: string, volume: Volume): boolean {
  try {
    const stored = gunzipSync(readFileSync(join(folder, IMAGE)));
    return stored.equals(writeNifti(volume, { gzip: false }));
  } catch {
    return false;
  }
}

/** Writes a case's image in full or not at all. */
export function writeImage(folder: string, bytes: Uint8Array): void {
  mkdirSync(folder, { recursive: true });
  const unfinished = join(folder, `.${IMAGE}.${process.pid}`);
  try {
    writeFileSync(unfinished, bytes);
    renameSync(unfinished, join(folder, IMAGE));
  } finally {
    rmSync(unfinished, { force: true });
  }
}
