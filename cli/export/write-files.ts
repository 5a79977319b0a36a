import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemError } from '../../lib/error.ts';
import type { Files } from '../../lib/models/interchange/monai-bundle.ts';
import { type Format, isFolder } from './format.ts';

export const defaultOut = (campaign: string, stage: string, format: Format): string =>
  `${campaign}-${stage.replace('/', '-')}${isFolder(format) ? `-${format}` : '.safetensors'}`;

/**
 * Writes files with their folders.
 *
 * @returns their paths
 * @throws FedcardioError of {@link systemError} that names the file
 */
export function writeFiles(files: Files): readonly string[] {
  for (const [file, body] of files) {
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
    } catch (error) {
      throw systemError(error, file) ?? error;
    }
  }
  return [...files.keys()];
}
