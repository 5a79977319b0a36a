import { type SiteKey, siteKeys } from '../federation/keys.ts';
import { contentSchema } from '../federation/schemas.ts';
import { canonicalJson } from '../json.ts';
import type { ObjectInfo, SiteStore } from '../storage/contract.ts';
import { readStored } from './stored.ts';

/** Who takes a content: a case, by the version of its image that holds it. */
export interface Claimant extends Pick<ObjectInfo<SiteKey>, 'key' | 'etag'> {
  readonly case: string;
}

/**
 * Takes an image's content for a case, unless another case of the site has it: the same volume under two names
 * would count twice, and be trained on and held out at once. Taken again by the same case, it stays its own.
 *
 * A claim names the version of the image that was found to hold the content, and lapses with it: when the image is
 * removed or replaced. Otherwise it holds, also while the case that has it is still being looked at.
 *
 * @param sha256 of the image's voxels
 * @param again whether the case probably has it already: that costs one request, as taking what is new does
 * @returns the other case, or undefined where the content is the case's own now
 * @throws PRECONDITION_FAILED or NOT_FOUND where another took it meanwhile: look again
 */
export async function claimContent(
  store: SiteStore,
  sha256: string,
  claimant: Claimant,
  again: boolean,
): Promise<string | undefined> {
  const key = siteKeys.content(sha256);
  const claim = canonicalJson({ schema: 'fedcardio.content/1', ...claimant });
  let stored = again ? await readStored(store, key, contentSchema) : undefined;
  if (!stored) {
    if ((await store.putIfAbsent(key, claim)) === 'created') return undefined;
    stored = await readStored(store, key, contentSchema);
  }
  const holder = stored?.value;
  if (holder?.case !== claimant.case) {
    const image = holder && (await store.head(holder.key));
    if (image && image.etag === holder.etag) return holder.case;
  } else if (holder.key === claimant.key && holder.etag === claimant.etag) return undefined;
  await store.put(key, claim, stored ? { ifMatch: stored.etag } : { ifNoneMatch: '*' });
  return undefined;
}
