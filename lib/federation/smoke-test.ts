/**
 * What the ids of smoke tests begin with: of their campaigns and of their cases, which are synthetic. A hospital must not name
 * a case so.
 */
export const SMOKE_TEST = 'smoke-test-';

/** Whether a campaign or a case is one of a smoke test. */
export const isSmokeTest = (id: string): boolean => id.startsWith(SMOKE_TEST);

/** Whether a campaign uses a case: a smoke test's cases are used by smoke tests alone, which use no others. */
export const usesCase = (campaign: string, caseId: string): boolean => isSmokeTest(campaign) === isSmokeTest(caseId);
