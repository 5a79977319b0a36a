import { availableParallelism } from 'node:os';
import type { Platform } from '../../local/platform.ts';
import type { Session } from '../run/session.ts';
import { brokenFiles } from './broken-files.ts';
import type { DemoOptions } from './options.ts';
import { allCases, type DemoCase, type Scenario } from './scenario.ts';
import { uploadCases } from './upload-cases.ts';
import { isCataloged, isRejected, waitForIntake } from './wait-for-intake.ts';

/** Uploads all cases and broken files, and waits until intake has handled them. */
export async function deliver(
  { endpoint, context: stores, idle }: Platform,
  scenario: Scenario,
  { emit, onOutage }: Pick<Session, 'emit' | 'onOutage'>,
  { signal }: Pick<DemoOptions, 'signal'>,
): Promise<void> {
  const missing: DemoCase[] = [];
  for (const demoCase of allCases(scenario)) {
    if (!(await isCataloged(stores, demoCase))) missing.push(demoCase);
  }
  await uploadCases({
    endpoint,
    scenario,
    cases: missing,
    workers: availableParallelism(),
    signal,
    onUploaded: ({ site, caseId }) => emit({ type: 'upload', site: site.id, caseId }),
    onOutage,
  });
  const broken = brokenFiles(scenario);
  for (const file of broken) {
    if (await isRejected(stores, file)) continue;
    await stores.siteStore(file.site).put(file.key, file.body);
    emit({ type: 'upload', site: file.site, caseId: file.caseId });
  }
  await waitForIntake({ stores, scenario, broken, idle, signal });
}
