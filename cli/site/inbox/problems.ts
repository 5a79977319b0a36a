import { join } from 'node:path';
import { describeError, FedcardioError, isFedcardioError, systemError } from '../../../lib/error.ts';
import { shownFile } from '../../../lib/federation/case-names.ts';
import { printable } from '../../../lib/printable.ts';
import type { DeliveryOptions } from './deliver.ts';
import { DONE, type InboxEntries, REFUSED } from './folders.ts';

/** Why folders stay in an inbox, in lines that name no patient: PACS software names folders after them. */

/** The problem of an entry that cannot be read. Its name is shown only if it is no patient's. */
export const problemOf = ({ name, reason, hint }: InboxEntries['unusable'][number]) =>
  new FedcardioError('BAD_CONFIGURATION', `${printable(shownFile(name))}: ${reason}`, { hint });

/** @param isLoose whether they lie outside any folder */
export const keepsChanging = (isLoose: boolean) =>
  new FedcardioError(
    'BAD_CONFIGURATION',
    isLoose ? 'Files outside any folder keep changing.' : 'The files of a folder keep changing.',
    { hint: 'They are imported when none changes any more. Move away what is no part of an export, such as a log.' },
  );

/** An error that names the place alone, not the paths below it. */
export function withoutNames(error: unknown, { dir, imports }: Pick<DeliveryOptions, 'dir' | 'imports'>): unknown {
  const text = describeError(error);
  const place = [join(dir, DONE), join(dir, REFUSED), dir, imports].find((one) => text.includes(one));
  if (place === undefined) return error;
  const cause = isFedcardioError(error) ? error.cause : error;
  const hint = 'Look which folder stays in the inbox, and export it again.';
  return systemError(cause, place) ?? new FedcardioError('STORAGE', 'A folder cannot be imported.', { hint });
}
