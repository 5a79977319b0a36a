import { resolve, sep } from 'node:path';
import { FedcardioError } from '../lib/error.ts';

/**
 * The name of each CT's predictions, by path: its file name without extension, preceded by as many of its folders as it
 * takes to differ from the others, such as `p1-image` and `p2-image`. Names that differ only in case count as equal,
 * because some file systems ignore it. A path that is given twice counts once.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if two files cannot have different names, such as `a.nii` and `a.nii.gz`
 */
export function predictionNames(paths: readonly string[]): ReadonlyMap<string, string> {
  const cts = [...new Map(paths.map((path) => [resolve(path), path]))].map(([absolute, path]) => ({
    path,
    parts: absolute
      .replace(/\.nii(\.gz)?$/i, '')
      .split(sep)
      .filter(Boolean),
  }));
  const deepest = Math.max(0, ...cts.map(({ parts }) => parts.length));
  const names = new Map<string, string>();
  let unnamed = cts;
  for (let depth = 1; depth <= deepest && unnamed.length > 0; depth += 1) {
    const named = unnamed.map((ct) => ({ ...ct, name: ct.parts.slice(-depth).join('-') }));
    const taken = [...names.values(), ...named.map(({ name }) => name)].map((name) => name.toLowerCase());
    const isFree = ({ name }: { name: string }) => taken.filter((other) => other === name.toLowerCase()).length === 1;
    for (const { path, name } of named.filter(isFree)) names.set(path, name);
    unnamed = named.filter((ct) => !isFree(ct));
  }
  if (unnamed.length === 0) return new Map(cts.map(({ path }) => [path, names.get(path) as string]));
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `The predictions of ${unnamed.map(({ path }) => path).join(' and ')} would have the same name.`,
    { hint: 'Nothing was written. Rename one of the files, or predict them in two calls with different --out.' },
  );
}
