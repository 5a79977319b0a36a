import { rmSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeError, isFedcardioError, isOutage } from '../../../lib/error.ts';
import { CASE_FOLDERS, type CaseUse, siteKeys } from '../../../lib/federation/keys.ts';
import { printable } from '../../../lib/printable.ts';
import { counted } from '../../../lib/report/format.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { casesOf, type ImportOptions } from './cases.ts';
import type { Examined, ExamineOptions, examine } from './examine.ts';
import { DONE, freePath, move, REFUSED, stateOf } from './folders.ts';
import { uploadCase } from './upload-case.ts';

export interface DeliveryOptions extends Omit<ImportOptions, 'isStored'>, ExamineOptions {
  readonly examiner: typeof examine;
  /** The inbox. */
  readonly dir: string;
  readonly store: SiteStore;
  readonly say: (line: string) => void;
  /** Writes an event to the site's log. */
  readonly log: (event: string, fields: Readonly<Record<string, unknown>>) => void;
}

/**
 * Imports what intake accepts of a complete folder of an inbox into the site's bucket, and moves the folder away. Interrupted
 * at any point, it can be repeated: a case has the same name and the same bytes each time. Lines and events name no folder,
 * because PACS software names folders after patients. A folder that changes meanwhile stays where it is.
 *
 * @param state of the folder when it was found complete
 * @throws FedcardioError INTERRUPTED, or an outage of disk or storage: the folder stays where it is
 */
export async function deliver(name: string, state: string, options: DeliveryOptions): Promise<void> {
  const { dir, imports, store, say, log, signal } = options;
  const folder = join(dir, name);
  const { accepted, refusedCases, reasons: faults } = await readDelivery(folder, options);
  const hasChanged = async () => (await stateOf(dir, [name])) !== state;
  if (await hasChanged()) return say(CHANGED);
  const reasons = [...faults];
  const [imported, present, kept]: [string[], string[], string[]] = [[], [], []];
  for (const one of accepted) {
    const outcome = await uploadCase(store, one, signal);
    if (outcome === 'imported') imported.push(one.id);
    else if (outcome === 'there already') present.push(one.id);
    else {
      reasons.push(outcome.reason);
      kept.push(one.id);
    }
  }
  const refused = [...refusedCases, ...kept];
  rmSync(imports, { recursive: true, force: true });
  const tell = (cases: readonly string[], what: string) => {
    if (cases.length > 0) say(`${counted(cases.length, 'case')} ${what}: ${cases.join(', ')}`);
  };
  tell(imported, 'imported');
  tell(present, 'there already');
  tell(refused, 'refused');
  if (await hasChanged()) return say(CHANGED);
  if (reasons.length === 0) {
    await move(folder, await freePath(join(dir, DONE), name));
    log('inbox-imported', { imported, present });
    return;
  }
  await moveRefused(folder, join(dir, REFUSED), refusalText([...imported, ...present], kept, reasons));
  log('inbox-refused', { imported, present, refused, reasons: reasons.length });
  say(`a folder was refused, ${counted(reasons.length, 'reason')} in ${join(dir, REFUSED)}`);
}

const CHANGED = 'a folder has changed while it was imported: it is imported again';

/** What can be used of the folder. Whatever is wrong with it is a reason to refuse it, except an outage. */
async function readDelivery(folder: string, options: DeliveryOptions): Promise<Examined> {
  const { store } = options;
  const isStored = async (id: string) =>
    (await Promise.all(USES.map((use) => store.head(siteKeys.image(use, id))))).some((found) => found !== undefined);
  try {
    const delivery = await casesOf(folder, { ...options, isStored });
    const { reasons, ...examined } = await options.examiner(folder, delivery, options);
    return { ...examined, reasons: [...delivery.refused, ...reasons] };
  } catch (error) {
    options.signal.throwIfAborted();
    if (isOutage(error) || isFedcardioError(error, 'INTERRUPTED')) throw error;
    return { accepted: [], refusedCases: [], reasons: [describeError(error)] };
  }
}

/** Writes the report first: nobody would look again at a moved folder whose report could not be written. */
async function moveRefused(folder: string, refused: string, text: string): Promise<void> {
  const place = await freePath(refused, basename(folder));
  const report = `${place}.txt`;
  await writeFile(report, text, { mode: 0o600 });
  try {
    await move(folder, place);
  } catch (error) {
    await rm(report, { force: true });
    throw error;
  }
}

const USES = Object.keys(CASE_FOLDERS) as CaseUse[];

/** @param kept cases of which the bucket holds another CT */
function outcomeLines(uploaded: readonly string[], kept: readonly string[]): readonly string[] {
  if (uploaded.length + kept.length === 0) return ['Nothing of it was imported.'];
  return [
    ...(uploaded.length > 0 ? [`Imported from it: ${uploaded.join(', ')}.`] : []),
    // Of a folder that changed during its import, the first attempt may have stored both CT and labels.
    ...(kept.length > 0
      ? [`Kept as stored before, perhaps from this folder before it changed: ${kept.join(', ')}.`]
      : []),
  ];
}

const refusalText = (uploaded: readonly string[], kept: readonly string[], reasons: readonly string[]): string =>
  [
    'fedcardio could not use all of this folder:',
    '',
    ...reasons.map((reason) => `- ${printable(reason)}`),
    '',
    ...outcomeLines(uploaded, kept),
    'Correct it, and put it into the inbox again. What was imported already is not imported twice.',
    '',
  ].join('\n');
