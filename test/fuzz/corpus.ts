import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const CORPUS = join(import.meta.dirname, 'corpus');

/** Folder of a target's kept inputs. */
export const corpusOf = (target: string): string => join(CORPUS, target);

/** Inputs that once broke something, by file name. They are tried first in every run. */
export function readCorpus(target: string): readonly (readonly [name: string, input: Uint8Array])[] {
  const folder = corpusOf(target);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => [name, readFileSync(join(folder, name))] as const);
}
