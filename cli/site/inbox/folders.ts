import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isPassedOver } from '../../../lib/federation/keys.ts';
import { type EntryFault, entriesBelow, entriesOf, type FolderEntry } from '../../../lib/folder.ts';

/** Folders of an inbox that hold what is finished. */
export const DONE = 'done';
export const REFUSED = 'refused';

const isOwn = (name: string): boolean =>
  name === DONE || name === REFUSED || name.startsWith('.') || isPassedOver(name);

/** What lies in an inbox, by name. */
export interface InboxEntries {
  /** Wait for their import. */
  readonly folders: readonly string[];
  /** Lie outside any folder: some programs export all studies into one place. */
  readonly loose: readonly string[];
  /** Can never be imported. */
  readonly unusable: readonly (EntryFault & { readonly name: string })[];
}

/** @throws the system's error if the inbox cannot be read */
export function inboxEntries(inbox: string): InboxEntries {
  const entries = entriesOf(inbox).filter(({ name }) => !isOwn(name));
  const named = (kind: FolderEntry['kind']) =>
    entries.flatMap((entry) => (entry.kind === kind && !('isLink' in entry && entry.isLink) ? [entry.name] : []));
  const unusable = entries.flatMap((entry) => {
    if (entry.kind === 'unusable') return [{ name: entry.name, ...entry.fault }];
    return entry.isLink ? [{ name: entry.name, ...LINK }] : [];
  });
  return { folders: named('folder'), loose: named('file'), unusable };
}

/** A link cannot be moved away with what it points to. */
const LINK: EntryFault = { reason: 'It is a link.', hint: 'Put the files themselves into the inbox.' };

/**
 * A text that changes whenever a file below a path is added, removed, written or replaced; undefined without any file.
 *
 * @param names the entries of `dir` that count
 * @throws the system's error if a folder among them cannot be read
 */
export async function stateOf(dir: string, names: readonly string[]): Promise<string | undefined> {
  const digest = createHash('sha256');
  let files = 0;
  for (const name of names) {
    for (const { path } of filesOf(join(dir, name))) {
      // What cannot be read counts as well: it is refused later, with the reason.
      files += 1;
      const found = await lstat(path).catch(() => undefined);
      // A copy may keep the time of its original; no program sets the time of the status (ctime).
      digest.update(JSON.stringify([path, found?.size, found?.mtimeMs, found?.ctimeMs]));
    }
  }
  return files === 0 ? undefined : digest.digest('hex');
}

function filesOf(path: string): Iterable<{ readonly path: string }> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return entriesBelow(path, isPassedOver);
  return found ? [{ path }] : [];
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
