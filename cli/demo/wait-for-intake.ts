import { setTimeout as delay } from 'node:timers/promises';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { catalogSchema, rejectedSchema, type Summary, summarySchema } from '../../lib/federation/schemas.ts';
import type { Stores } from '../../lib/storage/contract.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import type { BrokenFile } from './broken-files.ts';
import type { DemoCase, Scenario, SiteScenario } from './scenario.ts';

const POLL_MS = 250;
const POLLS = 20;

/** Whether intake has cataloged a case with all its labels, so that it need not be uploaded again. */
export async function isCataloged({ siteStore }: Stores, demoCase: DemoCase): Promise<boolean> {
  const entry = await tryReadJson(siteStore(demoCase.site.id), siteKeys.catalog(demoCase.caseId), catalogSchema);
  return entry !== undefined && demoCase.tasks.every((task) => entry.value.labels[task] !== undefined);
}

/** Whether intake has rejected a broken file. */
export async function isRejected({ siteStore }: Stores, file: BrokenFile): Promise<boolean> {
  const entry = await tryReadJson(siteStore(file.site), siteKeys.rejected(file.caseId), rejectedSchema);
  return entry?.value.objects.some(({ key }) => key === file.key) ?? false;
}

/**
 * Waits until every site's summary counts all uploads, valid and broken.
 *
 * @param options `idle` resolves when no handler runs and no queue holds a message
 * @throws CAMPAIGN_FAILED naming the differences, if counts still differ when all is idle
 */
export async function waitForIntake(options: {
  readonly stores: Stores;
  readonly scenario: Scenario;
  readonly broken: readonly BrokenFile[];
  readonly idle: () => Promise<void>;
  readonly signal: AbortSignal;
}): Promise<void> {
  const { stores, scenario, broken, idle, signal } = options;
  let differences: readonly string[] = [];
  for (let poll = 0; poll < POLLS; poll++) {
    await idle();
    differences = await differencesAt(stores, scenario, broken);
    if (differences.length === 0) return;
    // A notification may not have reached its queue yet.
    await delay(POLL_MS, undefined, { signal });
  }
  throw new FedcardioError('CAMPAIGN_FAILED', `Intake has ended, but ${differences.join('; ')}.`, {
    hint: "See the handlers' log, demo.log in the demo's data directory.",
  });
}

async function differencesAt(
  { federationStore }: Stores,
  scenario: Scenario,
  broken: readonly BrokenFile[],
): Promise<readonly string[]> {
  const differences: string[] = [];
  for (const site of scenario.sites) {
    const summary = await tryReadJson(federationStore, federationKeys.summary(site.id), summarySchema);
    differences.push(...differencesOf(site, broken, summary?.value));
  }
  return differences;
}

/** Differences between a site's summary and the scenario, in words. */
export function differencesOf(
  site: SiteScenario,
  broken: readonly BrokenFile[],
  summary: Summary | undefined,
): readonly string[] {
  const rejected = new Set(broken.filter((file) => file.site === site.id).map(({ caseId }) => caseId)).size;
  const expected: readonly (readonly [string, number, number])[] = [
    ['training CTs', site.training, summary?.cases.training ?? 0],
    ['held-out CTs', site.evaluation, summary?.cases.evaluation ?? 0],
    ['rejected cases', rejected, summary?.cases.rejected ?? 0],
    ...site.tasks.flatMap((task) => [
      [`training labels of ${task}`, site.labelled[task] ?? 0, summary?.labelled[task] ?? 0] as const,
      [`held-out labels of ${task}`, site.evaluation, summary?.labelledEvaluation[task] ?? 0] as const,
    ]),
  ];
  return expected
    .filter(([, want, have]) => want !== have)
    .map(([what, want, have]) => `${site.name} counts ${have} ${what} instead of ${want}`);
}
