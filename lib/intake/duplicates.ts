import { type SiteKey, siteKeys } from '../federation/keys.ts';
import { contentSchema } from '../federation/schemas.ts';
import type { IntakeStore, ObjectInfo } from '../storage/contract.ts';
import { documentBody, writeDocument } from '../storage/documents.ts';
import { usedImage } from './files.ts';
import { listFiles } from './listing.ts';
import { readStored } from './stored.ts';

/** A case that claims a content, with the version of the image that contains it. */
export interface Claimant extends Pick<ObjectInfo<SiteKey>, 'key' | 'etag'> {
  readonly case: string;
}

/**
 * Claims an image's content for a case, unless another case of the site owns it: the same volume under two names
 * would count twice, and could be both trained on and held out. How a file stores it does not matter. Idempotent.
 *
 * A claim names a version of an image. It is valid as long as its case uses that image, even while the case is still being
 * examined.
 *
 * @param content fingerprint of the image's HU
 * @param likelyOwned whether the case probably owns the content already. A right guess saves a request.
 * @returns the owner of the content, or undefined if it is this case
 * @throws PRECONDITION_FAILED or NOT_FOUND if another case claimed the content in the meantime: reconcile again
 */
export async function claimContent(
  store: IntakeStore,
  content: string,
  claimant: Claimant,
  likelyOwned: boolean,
): Promise<Claimant | undefined> {
  const key = siteKeys.content(content);
  const claim = { schema: 'fedcardio.content/1' as const, ...claimant };
  let stored = likelyOwned ? await readStored(store, key, contentSchema) : undefined;
  if (!stored) {
    if ((await store.putIfAbsent(key, documentBody(contentSchema, claim, key))) === 'created') return undefined;
    stored = await readStored(store, key, contentSchema);
  }
  const owner = stored?.value;
  if (owner?.case !== claimant.case) {
    if (owner && (await isClaimValid(store, owner))) return owner;
  } else if (owner.key === claimant.key && owner.etag === claimant.etag) return undefined;
  await writeDocument(store, key, contentSchema, claim, stored ? { ifMatch: stored.etag } : { ifNoneMatch: '*' });
  return undefined;
}

/** Whether a case still uses the image that its claim names. Not if that was removed or replaced, nor beside a held-out one. */
export async function isClaimValid(store: Pick<IntakeStore, 'list'>, claim: Claimant): Promise<boolean> {
  const files = (await listFiles(store, [claim.case])).get(claim.case) ?? [];
  const used = usedImage(files);
  return used?.key === claim.key && used.etag === claim.etag;
}
