import { access, constants, mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { importDicom } from '../../../lib/dicom/import.ts';
import { describeError, isFedcardioError, systemError } from '../../../lib/error.ts';
import { entryFaultOf } from '../../../lib/folder.ts';
import { type DeliveryOptions, deliver } from './deliver.ts';
import { examine } from './examine.ts';
import { DONE, freePath, inboxEntries, move, REFUSED, stateOf } from './folders.ts';
import { keepsChanging, problemOf, withoutNames } from './problems.ts';
import { failureOf, type Seen, seenAs, withoutOutages } from './seen.ts';

export interface InboxOptions extends Omit<DeliveryOptions, 'importer' | 'examiner'> {
  /** A folder that has not changed for this long is complete. */
  readonly quietSeconds: number;
  /** From the end of a look to the next. */
  readonly everySeconds?: number;
  readonly importer?: DeliveryOptions['importer'];
  readonly examiner?: DeliveryOptions['examiner'];
}

/** Looks are cheap beside an export, and events of file systems miss network drives. */
const EVERY_SECONDS = 5;

/**
 * Watches an inbox until the signal: imports each folder once it has not changed for a while, one after the other. Files
 * outside any folder are gathered in a new one when they are quiet.
 *
 * @throws FedcardioError if the inbox cannot be used, before any work
 */
export async function startInbox({
  importer = importDicom,
  examiner = examine,
  everySeconds = EVERY_SECONDS,
  ...given
}: InboxOptions): Promise<void> {
  const { signal, say } = given;
  const [dir, imports] = [resolve(given.dir), resolve(given.imports)];
  const options = { ...given, dir, imports, importer, examiner, everySeconds };
  await prepare(dir, say);
  let seen: ReadonlyMap<string, Seen> = new Map();
  let told: ReadonlySet<string> = new Set();
  /** Once, because each look meets the same problems until they are solved. */
  const tell = (problems: readonly unknown[]) => {
    const texts = new Set(problems.map(describeError));
    for (const text of texts) if (!told.has(text)) say(`waiting: ${text}`);
    told = texts;
  };
  while (!signal.aborted) {
    try {
      const { after, problems } = await look(options, seen);
      seen = after;
      tell(problems);
    } catch (error) {
      if (signal.aborted || isFedcardioError(error, 'INTERRUPTED')) return;
      tell([error]);
    }
    await sleep(everySeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
}

async function prepare(dir: string, say: InboxOptions['say']): Promise<void> {
  try {
    // A typing error in the path would otherwise go unnoticed.
    if ((await mkdir(dir, { recursive: true })) !== undefined) say(`there was no ${dir}: created`);
    const own = [DONE, REFUSED].map((name) => join(dir, name));
    for (const folder of own) await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const folder of [dir, ...own]) await access(folder, constants.W_OK);
  } catch (error) {
    throw systemError(error) ?? error;
  }
}

/** The loose files of an inbox, among the names of its folders. */
const LOOSE = '';

/** What changes for this many times the quiet time, a person should look at. */
const LONG_CHANGE = 10;

/** Imports what is quiet. Returns what is left, with the time of its last change, and why imports could not finish. */
async function look(
  options: InboxOptions & DeliveryOptions & Required<Pick<InboxOptions, 'everySeconds'>>,
  before: ReadonlyMap<string, Seen>,
): Promise<{ readonly after: ReadonlyMap<string, Seen>; readonly problems: readonly unknown[] }> {
  const { dir, signal, quietSeconds, everySeconds } = options;
  // All are compared with the same time, so that the folder that was seen first is imported first.
  const now = performance.now();
  const after = new Map<string, Seen>();
  let worked = false;
  const { folders, loose, unusable } = inboxEntries(dir);
  const problems: unknown[] = unusable.map(problemOf);
  for (const name of [...folders, ...(loose.length > 0 ? [LOOSE] : [])]) {
    if (signal.aborted) break;
    try {
      // One at a time: an import of minutes lies between this folder and the one before.
      const names = name === LOOSE ? inboxEntries(dir).loose : [name];
      const state = await stateOf(dir, names).catch((error: unknown) => {
        throw problemOf({ name, ...entryFaultOf(error) });
      });
      // PACS software may create the folder long before its files.
      if (state === undefined) continue;
      const seen = seenAs(state, before.get(name));
      after.set(name, seen);
      if (now - seen.since < quietSeconds * 1000) {
        if (now - seen.changingSince > LONG_CHANGE * quietSeconds * 1000) problems.push(keepsChanging(name === LOOSE));
        continue;
      }
      if (seen.failure && now < seen.failure.until) {
        problems.push(seen.failure.error);
        continue;
      }
      if (name === LOOSE) await gather(dir, names);
      else await deliver(name, state, options);
      after.delete(name);
      worked ||= name !== LOOSE;
    } catch (thrown) {
      if (signal.aborted || isFedcardioError(thrown, 'INTERRUPTED')) throw thrown;
      const error = withoutNames(thrown, options);
      // It stays, and is tried again. The others do not wait for it.
      problems.push(error);
      const seen = after.get(name);
      if (seen) after.set(name, { ...seen, failure: failureOf(error, seen.failure, everySeconds) });
    }
  }
  return { after: worked ? withoutOutages(after) : after, problems };
}

/** Moves loose files into a folder of their own, which is imported when it is quiet as well. */
async function gather(dir: string, names: readonly string[]): Promise<void> {
  const folder = join(dir, `files-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}`);
  for (const name of names) await move(join(dir, name), await freePath(folder, name));
}
