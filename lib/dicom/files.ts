import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * All files below a folder, sorted by path. Links count as what they point to; folders and files whose names begin with
 * a dot are left out.
 *
 * @throws the system's error if the folder itself cannot be read
 */
export function* filesBelow(dir: string): Generator<string> {
  yield* walk(dir, readdirSync(dir, { withFileTypes: true }), new Set([realpathSync(dir)]));
}

function* walk(dir: string, entries: readonly Dirent[], visited: Set<string>): Generator<string> {
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue;
    const path = join(dir, entry.name);
    const kind = entry.isSymbolicLink() ? statSync(path, { throwIfNoEntry: false }) : entry;
    if (kind?.isFile()) yield path;
    if (!kind?.isDirectory()) continue;
    const real = realpathSync(path);
    // A link to a folder above would be followed for ever.
    if (visited.has(real)) continue;
    visited.add(real);
    yield* walk(path, readdirSync(path, { withFileTypes: true }), visited);
  }
}
