import type { Use } from '../../api/hospital/names.ts';
import { request } from '../../client.ts';
import type { GivenFile } from '../../parts/dropped.ts';

const AT_ONCE = 4;

/**
 * Hands files to the program that serves the page, and has them checked.
 *
 * @throws ApiError
 */
export async function takeOver(files: readonly GivenFile[], use: Use, onFile: (done: number) => void): Promise<void> {
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  const begun = await request('uploadBegin', {}, { body: { use, files: files.length, bytes } });
  const upload = begun?.data.upload ?? '';
  const left = [...files];
  let done = 0;
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      await request('uploadFile', {}, { query: { upload, path: next.path }, body: next.file });
      done++;
      onFile(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await request('uploadCheck', {}, { body: { upload } });
}
