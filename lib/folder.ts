import { isUtf8 } from 'node:buffer';
import { accessSync, constants, type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isOutage } from './error.ts';

/** Why an entry of a folder cannot be read: two sentences for whoever put it there. */
export interface EntryFault {
  readonly reason: string;
  readonly hint: string;
}

interface Named {
  /** A name that is not in UTF-8 is read as Latin-1, which is a guess: no system call finds it. */
  readonly name: string;
  readonly path: string;
}

/** A file. A link counts as what it points to. */
export interface FileEntry extends Named {
  readonly kind: 'file';
  readonly isLink: boolean;
}

interface SubfolderEntry extends Named {
  readonly kind: 'folder';
  readonly isLink: boolean;
}

/** What can be neither read nor listed. It must stop no other entry, and must not go unnoticed. */
export interface UnusableEntry extends Named {
  readonly kind: 'unusable';
  readonly fault: EntryFault;
}

export type FolderEntry = FileEntry | SubfolderEntry | UnusableEntry;

/**
 * The entries of a folder, sorted by name.
 *
 * @throws the system's error if the folder itself cannot be read, or if the disk does not answer
 */
export const entriesOf = (dir: string): readonly FolderEntry[] =>
  readdirSync(dir, { withFileTypes: true, encoding: 'buffer' })
    .flatMap((entry) => entryOf(dir, entry))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));

/**
 * All files below a folder, and what cannot be read there, sorted by path. Names are relative to the folder.
 *
 * @param isSkipped tells by its name, without a path, what does not count
 * @throws the system's error if the folder itself cannot be read, or if the disk does not answer
 */
export function* entriesBelow(dir: string, isSkipped: (name: string) => boolean): Generator<FileEntry | UnusableEntry> {
  yield* walk(entriesOf(dir), '', [realpathSync(dir)], isSkipped);
}

function* walk(
  entries: readonly FolderEntry[],
  prefix: string,
  above: readonly string[],
  isSkipped: (name: string) => boolean,
): Generator<FileEntry | UnusableEntry> {
  for (const entry of entries) {
    if (isSkipped(entry.name)) continue;
    const name = `${prefix}${entry.name}`;
    if (entry.kind !== 'folder') {
      yield { ...entry, name };
      continue;
    }
    const inside = contentsOf(entry.path, above);
    if ('fault' in inside) yield { kind: 'unusable', name, path: entry.path, fault: inside.fault };
    else yield* walk(inside.entries, `${name}/`, [...above, inside.real], isSkipped);
  }
}

/** The entries of a folder, unless it is one of those above, to which a link has led back. */
function contentsOf(
  path: string,
  above: readonly string[],
): { readonly real: string; readonly entries: readonly FolderEntry[] } | { readonly fault: EntryFault } {
  try {
    const real = realpathSync(path);
    return above.includes(real) ? { fault: CIRCLE } : { real, entries: entriesOf(path) };
  } catch (error) {
    return { fault: entryFaultOf(error) };
  }
}

function entryOf(dir: string, entry: Dirent<Buffer>): FolderEntry | [] {
  const isLink = entry.isSymbolicLink();
  const name = entry.name.toString(isUtf8(entry.name) ? 'utf8' : 'latin1');
  const path = join(dir, name);
  const unusable = (fault: EntryFault): UnusableEntry => ({ kind: 'unusable', name, path, fault });
  if (!isUtf8(entry.name)) return unusable(NOT_UTF8);
  try {
    const found = isLink ? statSync(path) : entry;
    if (found.isDirectory()) return { kind: 'folder', name, path, isLink };
    if (!found.isFile()) return unusable(SPECIAL);
    accessSync(path, constants.R_OK);
    return { kind: 'file', name, path, isLink };
  } catch (error) {
    // What is no link was removed meanwhile.
    return codeOf(error) === 'ENOENT' && !isLink ? [] : unusable(entryFaultOf(error));
  }
}

/**
 * Why the system does not let an entry be read.
 *
 * @throws the error itself if the disk does not answer, which is no fault of the entry
 */
export function entryFaultOf(error: unknown): EntryFault {
  if (isOutage(error)) throw error;
  const code = codeOf(error);
  if (code === 'ENOENT') return DANGLING;
  if (code === 'ELOOP') return ITSELF;
  if (code === 'EACCES' || code === 'EPERM') return DENIED;
  if (code === undefined) throw error;
  return { reason: `The system cannot read it (${code}).`, hint: 'Check the disk, or move it away.' };
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const NOT_UTF8: EntryFault = {
  reason: 'The name is not in UTF-8, so that it cannot be opened.',
  hint: 'Rename it, best to letters from a to z and digits.',
};
const SPECIAL: EntryFault = { reason: 'It is neither a file nor a folder.', hint: 'Move it away.' };
const DANGLING: EntryFault = {
  reason: 'The link points to nothing.',
  hint: 'Remove it, or connect the drive that it points to.',
};
const ITSELF: EntryFault = { reason: 'The link leads back to itself.', hint: 'Remove it.' };
/** Nothing is missed: what it leads to is read already. */
export const CIRCLE: EntryFault = { reason: 'The link leads back to a folder above it.', hint: 'Remove it.' };
const DENIED: EntryFault = {
  reason: 'The system denies access.',
  hint: 'Give this user the right to read it, or move it away.',
};
