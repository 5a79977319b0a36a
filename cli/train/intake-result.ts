import { setTimeout as delay } from 'node:timers/promises';
import { FedcardioError } from '../../lib/error.ts';
import { shownName } from '../../lib/federation/case-names.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import {
  type CatalogEntry,
  catalogSchema,
  type Rejected,
  rejectedSchema,
  type Summary,
  summarySchema,
} from '../../lib/federation/schemas.ts';
import { groupBy } from '../../lib/group-by.ts';
import { faultOfObject } from '../../lib/intake/faults.ts';
import type { Stores } from '../../lib/storage/contract.ts';
import { listDocuments, readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { type DatasetFile, taskOfFile } from '../datasets/dataset.ts';
import { keyOf } from '../upload-file.ts';
import type { TrainingSite } from './material.ts';

const POLL_MS = 250;
const POLLS = 40;

/** What intake made of a site's files. */
export interface SiteIntake {
  readonly site: string;
  readonly accepted: readonly CatalogEntry[];
  readonly rejected: Rejected['objects'];
  readonly summary: Summary | undefined;
}

/**
 * Waits until intake has accepted or rejected every file.
 *
 * @param idle resolves when no function runs and no queue holds a message
 * @throws CAMPAIGN_FAILED naming a file without an answer, if there is one when all is idle
 */
export async function awaitIntake(
  stores: Stores,
  sites: readonly TrainingSite[],
  { idle, signal }: { readonly idle: () => Promise<void>; readonly signal: AbortSignal },
): Promise<readonly SiteIntake[]> {
  let open: string | undefined;
  for (let poll = 0; poll < POLLS; poll++) {
    await idle();
    const found = await Promise.all(sites.map(({ id }) => readIntake(stores, id)));
    open = sites.map((site, index) => unanswered(site, found[index] as SiteIntake)).find((file) => file !== undefined);
    if (open === undefined) return found;
    // A notification may not have reached its queue yet.
    await delay(POLL_MS, undefined, { signal });
  }
  throw new FedcardioError('CAMPAIGN_FAILED', `Intake has ended without an answer to ${open}.`, {
    hint: 'See train.log in the directory of --data.',
  });
}

async function readIntake({ siteStore, federationStore }: Stores, site: string): Promise<SiteIntake> {
  const store = siteStore(site);
  const accepted: CatalogEntry[] = [];
  for await (const { key } of listDocuments(store, siteKeys.catalogPrefix)) {
    accepted.push((await readJson(store, key, catalogSchema)).value);
  }
  const rejected: Rejected['objects'] = [];
  for await (const { key } of listDocuments(store, siteKeys.rejectedPrefix)) {
    rejected.push(...(await readJson(store, key, rejectedSchema)).value.objects);
  }
  const summary = await tryReadJson(federationStore, federationKeys.summary(site), summarySchema);
  return { site, accepted, rejected, summary: summary?.value };
}

/** A file that intake has neither accepted nor rejected; undefined if it is done with all of a site's files. */
export function unanswered(
  { id, cases }: TrainingSite,
  { accepted, rejected, summary }: SiteIntake,
): string | undefined {
  const entries = new Map(accepted.map((entry) => [`${entry.use} ${entry.case}`, entry]));
  const faults = groupBy(rejected, ({ key }) => key.split('/')[1]);
  for (const one of cases) {
    const entry = entries.get(`${one.use} ${one.id}`);
    const own = faults.get(shownName(one.id)) ?? [];
    const isRefused = (file: DatasetFile) => faultOfObject(keyOf(one, file), own) !== undefined;
    // The labels of a CT that is not accepted have no answer.
    if (!entry && one.files.some(isRefused)) continue;
    const open = one.files.find((file) => {
      const task = taskOfFile(file);
      return !isRefused(file) && !(task ? entry?.labels[task] : entry?.image.key === keyOf(one, file));
    });
    if (open) return `${id}/${keyOf(one, open)}`;
  }
  const counted = summary ? summary.cases.training + summary.cases.evaluation : 0;
  return counted === accepted.length ? undefined : `the cases of ${id}`;
}
