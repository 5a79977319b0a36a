import { stat } from 'node:fs/promises';
import { mapConcurrently } from '../../lib/async.ts';
import { systemError } from '../../lib/error.ts';
import type { SiteKey } from '../../lib/federation/keys.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { keyOf, uploadFile } from '../upload-file.ts';
import type { TrainingSite } from './material.ts';

/** Cases that are uploaded at the same time. */
const PARALLEL = 4;

/**
 * Uploads the files of the cases over the S3 API, as a hospital does. Labels follow their CT. A file that the bucket has
 * in the same size is not uploaded again, so that an interrupted upload continues.
 */
export async function uploadSites(
  { siteStore }: Pick<Stores, 'siteStore'>,
  sites: readonly TrainingSite[],
  options: { readonly signal: AbortSignal; readonly onUploaded: (site: string, caseId: string) => void },
): Promise<void> {
  const cases = sites.flatMap((site) => site.cases.map((one) => ({ site: site.id, one })));
  await mapConcurrently(cases, PARALLEL, async ({ site, one }) => {
    for (const file of one.files) {
      options.signal.throwIfAborted();
      await uploadIfMissing(siteStore(site), keyOf(one, file), file.path);
    }
    options.onUploaded(site, one.id);
  });
}

async function uploadIfMissing(store: SiteStore, key: SiteKey, path: string): Promise<void> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
  if ((await store.head(key))?.bytes !== size) await uploadFile(store, key, path);
}
