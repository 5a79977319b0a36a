import { open, stat } from 'node:fs/promises';
import { mapConcurrently } from '../../lib/async.ts';
import { systemError } from '../../lib/error.ts';
import { CASE_FOLDERS, siteKeys } from '../../lib/federation/keys.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import type { DatasetCase, DatasetFile } from '../datasets/dataset.ts';
import type { TrainingSite } from './material.ts';

/** Bytes of a part of a large file. S3 takes at most 10,000 parts. */
const PART_BYTES = 16 * 2 ** 20;
/** Cases that are uploaded at the same time. */
const PARALLEL = 4;

/** The object that a file of a case becomes. */
export const keyOf = ({ use, id }: DatasetCase, { name }: DatasetFile) =>
  siteKeys.ofEvent(`${CASE_FOLDERS[use]}/${id}/${name}`);

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
      await uploadFile(siteStore(site), keyOf(one, file), file.path);
    }
    options.onUploaded(site, one.id);
  });
}

async function uploadFile(store: SiteStore, key: ReturnType<typeof keyOf>, path: string): Promise<void> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
  if ((await store.head(key))?.bytes === size) return;
  await store.putParts(key, partsOf(path));
}

/** A file in parts, each in its own memory. */
async function* partsOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await open(path).catch((error: unknown) => {
    throw systemError(error, path) ?? error;
  });
  try {
    for (;;) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafeSlow(PART_BYTES), 0, PART_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
