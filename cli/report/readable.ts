import { isFedcardioError, isOfDocument } from '../../lib/error.ts';

/** A site's data, or undefined if its bucket does not exist or may not be read. */
export const ifReadable = <T>(read: () => Promise<T>): Promise<T | undefined> =>
  unless((error) => isFedcardioError(error, 'STORAGE') || isFedcardioError(error, 'NOT_FOUND'), read);

/** What objects hold, or undefined if nobody can use one of them: it is broken, or of a newer release. */
export const ifUsable = <T>(read: () => Promise<T>): Promise<T | undefined> =>
  unless(
    (error) => isOfDocument(error) || isFedcardioError(error, 'BAD_IMAGE') || isFedcardioError(error, 'BAD_LABEL'),
    read,
  );

async function unless<T>(isExpected: (error: unknown) => boolean, read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isExpected(error)) return undefined;
    throw error;
  }
}
