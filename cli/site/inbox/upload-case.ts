import { stat } from 'node:fs/promises';
import { CASE_FOLDERS, parseCaseKey, type SiteKey } from '../../../lib/federation/keys.ts';
import type { ObjectInfo, SiteStore } from '../../../lib/storage/contract.ts';
import { type DatasetCase, isImage } from '../../datasets/dataset.ts';
import { keyOf, partsOf, uploadFile } from '../../upload-file.ts';
import { elsewhereReason, listCases, misplacedIn, otherSide } from '../upload-plan.ts';

/**
 * Puts the files of a case into the site's bucket, the image first. What is there already, with the same bytes, is not
 * written again. Files may be larger than memory.
 *
 * @returns whether anything was written, or why the case was not uploaded: the bucket holds another CT of it
 */
export async function uploadCase(
  store: SiteStore,
  one: DatasetCase,
  signal: AbortSignal,
): Promise<'imported' | 'there already' | { readonly reason: string }> {
  const { id, use, files } = one;
  const stored = await listCases(store, `${id}/`);
  if (misplacedIn(stored.keys())(one)) {
    const way = `take it back there first (site withdraw with --use ${SIDES[otherSide(use)]})`;
    return { reason: `Case ${id}: ${elsewhereReason(one)} To move it, ${way}, then put it into the inbox again.` };
  }
  const own = [...stored.keys()].filter((key) => key.startsWith(`${CASE_FOLDERS[use]}/`));
  let isNew = false;
  for (const file of files.toSorted((a, b) => Number(isImage(b)) - Number(isImage(a)))) {
    const key = keyOf(one, file);
    const object = stored.get(key);
    if (object && (await isSame(store, object, file.path, signal))) continue;
    const obstacle = isImage(file) ? obstacleTo(key, own) : undefined;
    if (obstacle !== undefined) return { reason: `Case ${id}: ${obstacle} ${REMOVE}` };
    await uploadFile(store, key, file.path, { signal });
    isNew = true;
  }
  return isNew ? 'imported' : 'there already';
}

/** As the option `--use` of `site withdraw` names them. */
const SIDES = { training: 'training', evaluation: 'held-out' } as const;
const REMOVE = 'Remove the case there first if it is to be replaced.';

/** Why a new or changed CT is not stored. Labels belong to the image that they were drawn on. */
function obstacleTo(image: SiteKey, stored: readonly SiteKey[]): string | undefined {
  const kindOf = (key: SiteKey) => parseCaseKey(key)?.part.kind;
  // Of two CTs, intake uses the compressed one, with labels that may have been drawn on the other.
  const other = stored.find((key) => kindOf(key) === 'image' && key !== image);
  if (other) return `the bucket holds its CT as ${other.slice(other.lastIndexOf('/') + 1)}.`;
  const hasLabels = stored.some((key) => kindOf(key) === 'label');
  return hasLabels ? 'its CT differs from that in the bucket, which has labels.' : undefined;
}

/** Compares part by part. An ETag does not tell: it depends on how the object was uploaded. */
async function isSame(
  store: SiteStore,
  { key, bytes }: ObjectInfo<SiteKey>,
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  if ((await stat(path)).size !== bytes) return false;
  let start = 0;
  for await (const part of partsOf(path, { signal })) {
    const stored = await store.getRange(key, start, start + part.length);
    if (Buffer.compare(stored, part) !== 0) return false;
    start += part.length;
  }
  return true;
}
