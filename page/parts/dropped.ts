/** A file that a person gave, with its path below the folder that was dropped or chosen. */
export interface GivenFile {
  readonly path: string;
  readonly file: File;
}

/** Most files of an upload: a hundred series of 200 images. */
export const MOST_FILES = 20_000;

/** The files of a drop, those within folders included. Must be called before the event is over. */
export function filesOfDrop(items: DataTransferItemList): Promise<readonly GivenFile[]> {
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  return filesOf(entries);
}

/** The files of a folder that was chosen. */
export const filesOfChoice = (files: FileList | null): readonly GivenFile[] =>
  [...(files ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

async function filesOf(entries: readonly FileSystemEntry[]): Promise<readonly GivenFile[]> {
  const found: GivenFile[] = [];
  const open = [...entries];
  // One more than are taken, so that the caller sees that there are too many.
  for (let entry = open.shift(); entry && found.length <= MOST_FILES; entry = open.shift()) {
    if (entry.isDirectory) open.push(...(await entriesOf(entry as FileSystemDirectoryEntry)));
    else found.push({ path: entry.fullPath.replace(/^\//, ''), file: await fileOf(entry as FileSystemFileEntry) });
  }
  return found;
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject));

/** A reader gives at most 100 entries at a time. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
