import { mapConcurrently } from '../../lib/async.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import type { WaitOut } from '../../lib/storage/outages.ts';
import { uploadFile } from '../upload-file.ts';
import type { PendingFile } from './upload-plan.ts';
import type { UploadRecord } from './upload-record.ts';

export interface UploadFilesOptions {
  readonly record: UploadRecord;
  /** Cases that are uploaded at the same time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
  /** Repeats the upload of a file while the storage is away. */
  readonly waitOut: WaitOut;
  readonly onBytes: (bytes: number) => void;
  readonly onFile: () => void;
}

/**
 * Uploads files, those of one case one after the other. Each is recorded as soon as it is stored.
 *
 * @param cases the files of each case
 * @throws AbortError when the signal is aborted; what was stored until then is recorded
 */
export async function uploadFiles(
  store: SiteStore,
  cases: readonly (readonly PendingFile[])[],
  { record, parallel, signal, waitOut, onBytes, onFile }: UploadFilesOptions,
): Promise<void> {
  await mapConcurrently(cases, parallel, async (files) => {
    for (const { key, file, bytes, changed } of files) {
      signal.throwIfAborted();
      const { etag } = await waitOut(async () => {
        let sent = 0;
        const count = (part: number) => {
          sent += part;
          onBytes(part);
        };
        try {
          return await uploadFile(store, key, file.path, { signal, onBytes: count });
        } catch (error) {
          onBytes(-sent);
          // The adapter reports the interruption as an error of the storage.
          signal.throwIfAborted();
          throw error;
        }
      });
      record.add({ bucket: store.bucket, key, bytes, changed, etag });
      onFile();
    }
  });
}
