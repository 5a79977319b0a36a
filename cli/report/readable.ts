import { type ErrorCode, errorCode } from '../../lib/error.ts';

/** A site's data, or undefined if its bucket does not exist or may not be read. */
export const ifReadable = <T>(read: () => Promise<T>): Promise<T | undefined> => unless(UNREADABLE, read);

/** What objects hold, or undefined if nobody can use one of them: it is broken, or of a newer release. */
export const ifUsable = <T>(read: () => Promise<T>): Promise<T | undefined> => unless(UNUSABLE, read);

const UNREADABLE: readonly ErrorCode[] = ['STORAGE', 'NOT_FOUND'];
const UNUSABLE: readonly ErrorCode[] = ['BAD_MESSAGE', 'NEWER_SCHEMA', 'BAD_IMAGE', 'BAD_LABEL'];

async function unless<T>(codes: readonly string[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codes.includes(errorCode(error))) return undefined;
    throw error;
  }
}
