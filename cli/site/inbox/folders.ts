import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isPassedOver } from '../../../lib/federation/keys.ts';

/** Folders of an inbox that hold what is finished. */
export const DONE = 'done';
export const REFUSED = 'refused';

const isOwn = (name: string): boolean =>
  name === DONE || name === REFUSED || name.startsWith('.') || isPassedOver(name);

/** The folders of an inbox that wait for their import, by name. */
export async function waitingFolders(inbox: string): Promise<readonly string[]> {
  const entries = await readdir(inbox, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !isOwn(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** The files that lie in an inbox outside any folder: some programs export all studies into one place. */
export async function looseFiles(inbox: string): Promise<readonly string[]> {
  const entries = await readdir(inbox, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && !isOwn(entry.name))
    .map(({ name }) => name)
    .sort();
}

/**
 * A text that changes whenever a file below a path is added, removed or written; undefined without any file.
 *
 * @param names the entries of `dir` that count; all by default
 */
export async function stateOf(dir: string, names?: readonly string[]): Promise<string | undefined> {
  let [files, bytes, newest] = [0, 0, 0];
  const visit = async (path: string): Promise<void> => {
    // Not what links point to: they may form circles. What cannot be read is refused later, with the reason.
    const found = await lstat(path).catch(() => undefined);
    if (found?.isDirectory()) {
      for (const name of await readdir(path).catch(() => [])) if (!isPassedOver(name)) await visit(join(path, name));
    } else if (found) {
      files += 1;
      bytes += found.size;
      newest = Math.max(newest, found.mtimeMs);
    }
  };
  for (const name of names ?? ['.']) await visit(join(dir, name));
  return files === 0 ? undefined : `${files} ${bytes} ${newest}`;
}

/** Moves an entry into a folder, under a name that is free there. Returns that name. */
export async function moveInto(folder: string, from: string, name: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const taken = new Set(await readdir(folder));
  let free = name;
  for (let number = 2; taken.has(free) || taken.has(`${free}.txt`); number++) free = `${name}-${number}`;
  await rename(from, join(folder, free));
  return free;
}
