import { siteKeys } from '../federation/keys.ts';
import { canonicalJson } from '../federation/protocol/json.ts';
import { catalogSchema, contentSchema, rejectedSchema } from '../federation/schemas.ts';
import type { Objects } from '../storage/contract.ts';
import { readStored } from './stored.ts';

/**
 * Takes an image's content for a case, unless another case of the site has it: the same volume under two names
 * would count twice, and be trained on and held out at once. Taken again by the same case, it stays its own.
 *
 * A claim lapses when its image is gone, was replaced, or was rejected.
 *
 * @param sha256 of the image's voxels
 * @returns the other case, or undefined where the content is the case's own now
 * @throws PRECONDITION_FAILED or NOT_FOUND where another took it meanwhile: look again
 */
export async function claimContent(
  objects: Objects,
  bucket: string,
  sha256: string,
  claimant: { readonly case: string; readonly key: string },
): Promise<string | undefined> {
  const key = siteKeys.content(sha256);
  const claim = canonicalJson({ schema: 'fedcardio.content/1', case: claimant.case, key: claimant.key });
  if ((await objects.putIfAbsent(bucket, key, claim)) === 'created') return undefined;
  const stored = await readStored(objects, bucket, key, contentSchema);
  const holder = stored?.value;
  if (holder?.case === claimant.case && holder.key === claimant.key) return undefined;
  if (holder && holder.case !== claimant.case && (await isHeld(objects, bucket, sha256, holder))) return holder.case;
  await objects.put(bucket, key, claim, stored ? { ifMatch: stored.etag } : { ifNoneMatch: '*' });
  return undefined;
}

/** Also while the holder is being looked at: its claim comes before its catalog entry. */
async function isHeld(
  objects: Objects,
  bucket: string,
  sha256: string,
  holder: { readonly case: string; readonly key: string },
): Promise<boolean> {
  if (!(await objects.head(bucket, holder.key))) return false;
  const entry = await readStored(objects, bucket, siteKeys.catalog(holder.case), catalogSchema);
  if (entry?.value) return entry.value.image.key === holder.key && entry.value.image.sha256 === sha256;
  const rejected = await readStored(objects, bucket, siteKeys.rejected(holder.case), rejectedSchema);
  return !rejected?.value?.objects.some((object) => object.key === holder.key);
}
