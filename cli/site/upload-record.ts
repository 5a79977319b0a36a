import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { SiteKey } from '../../lib/federation/keys.ts';
import { openLines } from '../run/lines.ts';

/** A file that was uploaded: an object of a bucket, and the version of the file that it holds. */
const uploadedSchema = z.object({
  bucket: z.string(),
  key: z.string().brand<'SiteKey'>(),
  bytes: z.number(),
  /** Time of the file's last change, ms. */
  changed: z.number(),
  etag: z.string(),
});

type Uploaded = z.infer<typeof uploadedSchema>;

/** What earlier runs have uploaded from a folder, so that its files need not be read again. */
export interface UploadRecord {
  find(bucket: string, key: SiteKey): Uploaded | undefined;
  add(uploaded: Uploaded): void;
}

/** Name of the file in the uploaded folder. It is hidden, so that it is not taken for a file of a case. */
const FILE = '.fedcardio-upload.jsonl';

/**
 * Opens the record of a folder. A line is added as soon as a file is stored, so that an interrupted run loses nothing. If
 * the folder cannot be written, later runs compare contents instead.
 */
export function openUploadRecord(dir: string): UploadRecord {
  const file = join(dir, FILE);
  const known = new Map<string, Uploaded>();
  for (const line of existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []) {
    const parsed = parseLine(line);
    if (parsed) known.set(`${parsed.bucket}/${parsed.key}`, parsed);
  }
  const lines = openLines(file);
  return {
    find: (bucket, key) => known.get(`${bucket}/${key}`),
    add(uploaded) {
      known.set(`${uploaded.bucket}/${uploaded.key}`, uploaded);
      lines.append(JSON.stringify(uploaded));
    },
  };
}

/** Undefined for a line that a killed process has left incomplete. */
function parseLine(line: string): Uploaded | undefined {
  if (line.trim() === '') return undefined;
  try {
    return uploadedSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
