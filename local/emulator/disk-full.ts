/** Errors of a write to a disk without space, or beyond a quota or the largest size of a file. */
const CODES: readonly unknown[] = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** Whether a write failed because nothing more can be stored. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof Error && CODES.includes((error as NodeJS.ErrnoException).code);

/** What clients are told. */
export const diskFull = (directory: string): string => `The disk of ${directory} is full. Nothing was stored.`;
