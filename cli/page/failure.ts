import { describeError } from '../../lib/error.ts';
import { printable } from '../../lib/printable.ts';

/** What no viewer caused. */
export const onFailure = (error: unknown): void => {
  console.error(`page: ${printable(describeError(error))}`);
  if (process.env.FEDCARDIO_DEBUG && error instanceof Error) console.error(error.stack);
};
