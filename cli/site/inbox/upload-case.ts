import { readFile } from 'node:fs/promises';
import { collect } from '../../../lib/async.ts';
import { CASE_FOLDERS, siteKeys } from '../../../lib/federation/keys.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { type DatasetCase, isImage } from '../../datasets/dataset.ts';

/**
 * Puts the files of a case into the site's bucket, the image first. What is there already, with the same bytes, is not
 * written again.
 *
 * @returns whether anything was written, or why the case was not uploaded
 */
export async function uploadCase(
  store: SiteStore,
  { id, use, files }: DatasetCase,
): Promise<'imported' | 'there already' | { readonly reason: string }> {
  const folder = siteKeys.casePrefix(CASE_FOLDERS[use], `${id}/`);
  const present = new Set((await collect(store.list(folder))).map(({ key }) => key as string));
  let isNew = false;
  for (const file of files.toSorted((a, b) => Number(isImage(b)) - Number(isImage(a)))) {
    const key = siteKeys.ofEvent(`${folder}${file.name}`);
    const bytes = await readFile(file.path);
    const stored = present.has(key) ? (await store.tryGet(key))?.body : undefined;
    if (stored && Buffer.compare(stored, bytes) === 0) continue;
    // Labels belong to the image that they were drawn on.
    if (stored && isImage(file) && present.size > 1) {
      const reason = `Case ${id}: its CT differs from that in the bucket, which has labels.`;
      return { reason: `${reason} Remove the case there first if it is to be replaced.` };
    }
    await store.put(key, bytes);
    isNew = true;
  }
  return isNew ? 'imported' : 'there already';
}
