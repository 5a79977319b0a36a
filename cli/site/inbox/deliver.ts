import { rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, isFedcardioError, isOutage } from '../../../lib/error.ts';
import { printable } from '../../../lib/printable.ts';
import { counted } from '../../../lib/report/format.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { casesOf, type Delivery, type ImportOptions } from './cases.ts';
import { DONE, moveInto, REFUSED } from './folders.ts';
import { uploadCase } from './upload-case.ts';

export interface DeliveryOptions extends ImportOptions {
  /** The inbox. */
  readonly dir: string;
  readonly store: SiteStore;
  readonly say: (line: string) => void;
}

/**
 * Imports a complete folder of an inbox into the site's bucket, and moves it away. Interrupted at any point, it can be
 * repeated: a case has the same name and the same bytes each time. Lines name no folder, because PACS software names
 * folders after patients.
 *
 * @throws FedcardioError INTERRUPTED, or an outage of disk or storage: the folder stays where it is
 */
export async function deliver(name: string, options: DeliveryOptions): Promise<void> {
  const { dir, imports, store, say } = options;
  const folder = join(dir, name);
  const { cases, refused } = await readDelivery(folder, options);
  const reasons = [...refused];
  const uploaded: string[] = [];
  for (const one of cases) {
    const reason = await uploadCase(store, one);
    if (reason === undefined) uploaded.push(one.id);
    else reasons.push(reason);
  }
  rmSync(imports, { recursive: true, force: true });
  if (uploaded.length > 0) say(`${counted(uploaded.length, 'case')} imported: ${uploaded.join(', ')}`);
  if (reasons.length === 0) {
    await moveInto(join(dir, DONE), folder, name);
    return;
  }
  const moved = await moveInto(join(dir, REFUSED), folder, name);
  const report = join(dir, REFUSED, `${moved}.txt`);
  await writeFile(report, refusalText(uploaded, reasons));
  say(`a folder was refused, ${counted(reasons.length, 'reason')} in ${join(dir, REFUSED)}`);
}

/** What the folder holds. Whatever is wrong with it is a reason to refuse it, except an outage of the disk. */
async function readDelivery(folder: string, options: ImportOptions): Promise<Delivery> {
  try {
    return await casesOf(folder, options);
  } catch (error) {
    if (isOutage(error) || isFedcardioError(error, 'INTERRUPTED')) throw error;
    return { cases: [], refused: [describeError(error)] };
  }
}

const refusalText = (uploaded: readonly string[], reasons: readonly string[]): string =>
  [
    'fedcardio could not use all of this folder:',
    '',
    ...reasons.map((reason) => `- ${printable(reason)}`),
    '',
    uploaded.length > 0 ? `Imported from it: ${uploaded.join(', ')}.` : 'Nothing of it was imported.',
    'Correct it, and put it into the inbox again. What was imported already is not imported twice.',
    '',
  ].join('\n');
