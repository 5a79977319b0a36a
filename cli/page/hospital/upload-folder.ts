import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FedcardioError } from '../../../lib/error.ts';
import { CASE_FOLDERS, isPassedOver } from '../../../lib/federation/keys.ts';
import { freeBytes } from '../../disk.ts';
import { receiveFile } from '../receive-file.ts';

/** A temporary folder of one upload, which only this user may read. */
export interface UploadFolder {
  /** What the browser sent. */
  readonly given: string;
  /** Cases that were converted from DICOM. */
  readonly imports: string;
  /** Writes a file; passes over what operating systems put beside files. */
  write(path: string, body: AsyncIterable<Uint8Array>): Promise<void>;
  remove(): void;
}

/** Left free on the disk of the temporary folder, bytes. Conversion needs as much again as the export. */
const RESERVE = 2e9;

/**
 * Makes the folder.
 *
 * @param bytes that will be written
 * @throws FedcardioError STORAGE_FULL if they do not fit
 */
export function createUploadFolder(bytes: number): UploadFolder {
  const free = freeBytes(tmpdir());
  if (2 * bytes + RESERVE > free) {
    const short = `${(bytes / 1e9).toFixed(1)} GB and their conversion do not fit: ${(free / 1e9).toFixed(1)} GB are free.`;
    throw new FedcardioError('STORAGE_FULL', short, {
      hint: `Upload fewer cases at a time, or free space in ${tmpdir()}.`,
    });
  }
  const root = mkdtempSync(join(tmpdir(), 'fedcardio-upload-'));
  const remove = () => rmSync(root, { recursive: true, force: true });
  // CTs must not stay behind when the page is stopped.
  process.once('exit', remove);
  const given = join(root, 'given');
  mkdirSync(given);
  let left = bytes;
  return {
    given,
    imports: join(root, 'imports'),
    async write(path, body) {
      if (isPassedOver(path)) return;
      const file = join(given, ...safeParts(path));
      let received = 0;
      const bounded = async function* () {
        for await (const chunk of body) {
          received += chunk.length;
          left -= chunk.length;
          if (left < 0) throw new FedcardioError('BAD_CONFIGURATION', 'More bytes arrived than were announced.');
          yield chunk;
        }
      };
      await receiveFile(file, path, bounded()).catch((error: unknown) => {
        left += received;
        throw error;
      });
    },
    remove() {
      process.off('exit', remove);
      remove();
    },
  };
}

/** Deepest folder of an export. */
const MOST_PARTS = 20;

/**
 * The parts of a relative path.
 *
 * @throws FedcardioError BAD_CONFIGURATION for one that could leave the folder
 */
function safeParts(path: string): readonly string[] {
  const parts = path.split('/');
  const isSafe = (part: string) =>
    part !== '' && part !== '.' && part !== '..' && part.length <= 255 && !/[\\\0]/.test(part);
  if (parts.length > MOST_PARTS || !parts.every(isSafe)) {
    throw new FedcardioError('BAD_CONFIGURATION', 'A file has a path that cannot be used.');
  }
  return parts;
}

/** The folder that holds the cases: browsers put what was dropped into one more folder. */
export function folderOfCases(dir: string): string {
  const entries = readdirSync(dir, { withFileTypes: true }).filter(({ name }) => !isPassedOver(name));
  const [only] = entries;
  if (entries.length !== 1 || !only?.isDirectory() || isCaseOrSide(dir, only.name)) return dir;
  return folderOfCases(join(dir, only.name));
}

const SIDES: readonly string[] = Object.values(CASE_FOLDERS);

const isCaseOrSide = (dir: string, name: string): boolean =>
  SIDES.includes(name) || ['image.nii.gz', 'image.nii', 'labels'].some((inside) => existsSync(join(dir, name, inside)));
