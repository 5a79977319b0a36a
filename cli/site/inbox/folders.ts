import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FedcardioError, systemError } from '../../../lib/error.ts';
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

/** File systems take names of 255 bytes. */
const NAME_BYTES = 255 - '.txt'.length;

/** A path in a folder that is free, with `.txt` behind it as well. Its name is cut where that would be too long. */
export async function freePath(folder: string, name: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const taken = new Set(await readdir(folder));
  for (let number = 1; ; number++) {
    const end = number === 1 ? '' : `-${number}`;
    const free = `${firstBytes(name, NAME_BYTES - end.length)}${end}`;
    if (!taken.has(free) && !taken.has(`${free}.txt`)) return join(folder, free);
  }
}

/** The characters of a text whose UTF-8 fits into so many bytes. */
const firstBytes = (text: string, bytes: number): string =>
  text.slice(0, new TextEncoder().encodeInto(text, new Uint8Array(bytes)).read);

/**
 * Moves a folder or a file, to another volume too.
 *
 * @throws FedcardioError that names the folder of the new place, because names of moved entries may be patients'
 */
export async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EXDEV') throw error;
      return moveAcross(from, to);
    });
  } catch (error) {
    throw systemError(error, dirname(to)) ?? error;
  }
}

/** Copies, so that both places show the whole entry or nothing of it at any time. What a crash leaves is hidden. */
async function moveAcross(from: string, to: string): Promise<void> {
  const [dir, name] = [dirname(from), basename(from)];
  const [copy, old] = [join(dirname(to), '.copy'), join(dir, '.old')];
  for (const left of [copy, old]) await rm(left, { recursive: true, force: true });
  const state = await stateOf(dir, [name]);
  try {
    await cp(from, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    if ((await stateOf(dir, [name])) !== state) {
      throw new FedcardioError('PRECONDITION_FAILED', 'A folder has changed while it was moved.', {
        hint: 'It is imported again.',
      });
    }
    await rename(copy, to);
  } finally {
    // Of a move that failed, such as to a full disk.
    await rm(copy, { recursive: true, force: true });
  }
  await rename(from, old);
  await rm(old, { recursive: true, force: true });
}
