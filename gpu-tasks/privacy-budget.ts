import { FedcardioError } from '../lib/error.ts';
import { siteKeys } from '../lib/federation/keys.ts';
import { consentSchema, type Ledger, ledgerSchema, type Release } from '../lib/federation/schemas.ts';
import { retryOnConflict } from '../lib/intake/stored.ts';
import { type Budget, isAskedAnew, isWithin, releasesOfRound, withRelease } from '../lib/privacy/ledger.ts';
import type { SiteStore } from '../lib/storage/contract.ts';
import { tryReadJson, writeDocument } from '../lib/storage/documents.ts';

/**
 * A site's budget: what all of its releases together may cost, over all campaigns. The ledger is one object that is replaced
 * under the condition that nobody else has changed it: of two GPU tasks that would both fit alone, one sees the other.
 */

/** The budget in the site's consent to a campaign; undefined without a consent, or if it sets none. */
export async function budgetOf(store: SiteStore, campaign: string): Promise<Budget | undefined> {
  return (await tryReadJson(store, siteKeys.consent(campaign), consentSchema))?.value.limits.budget;
}

/**
 * Checks that a round fits into the site's budget, before anything is computed for it, and that the site has not trained it from
 * another model: what a campaign costs follows from the number of its rounds.
 *
 * @param release of the round; undefined if it has no noise
 * @throws FedcardioError `BUDGET_EXCEEDED`, `BAD_CONFIGURATION` if the round was asked for before, with another model
 */
export async function requireBudget(
  store: SiteStore,
  site: string,
  release: Release | undefined,
  budget: Budget | undefined,
): Promise<void> {
  if (!release) return requireNoBudget(site, budget);
  const { value } = await readLedger(store, site);
  requireFirst(site, value, release);
  if (!budget) return;
  const isRestart = releasesOfRound(value, release).length > 0;
  // Whether it releases the same again shows when its update is there.
  if (!isRestart) requireWithin(site, withRelease(value, release), budget);
}

/**
 * Records a release in the site's ledger, just before it leaves. Recorded once, however often a task is restarted.
 *
 * @param release of the round; undefined if it has no noise
 * @param budget as the consent has it now: a person may have changed it during the training
 * @returns the ledger with the release; undefined without one
 * @throws FedcardioError `BUDGET_EXCEEDED` if the budget was lowered or spent by other campaigns in the meantime,
 *   `BAD_CONFIGURATION` if the round was asked for with another model
 */
export async function chargeRelease(
  store: SiteStore,
  site: string,
  release: Release | undefined,
  budget: Budget | undefined,
): Promise<Ledger | undefined> {
  if (!release) return requireNoBudget(site, budget);
  let charged: Ledger | undefined;
  await retryOnConflict(`The privacy ledger of ${site}`, async () => {
    const { value, etag } = await readLedger(store, site);
    const next = withRelease(value, release);
    charged = next;
    if (next === value) return;
    requireFirst(site, value, release);
    if (budget) requireWithin(site, next, budget);
    const condition = etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag };
    await writeDocument(store, siteKeys.ledger, ledgerSchema, next, condition);
  });
  return charged;
}

/** A site's ledger, empty at first. One that cannot be read is an error: a new one would forget what was spent. */
async function readLedger(
  store: SiteStore,
  site: string,
): Promise<{ readonly value: Ledger; readonly etag: string | undefined }> {
  const stored = await tryReadJson(store, siteKeys.ledger, ledgerSchema);
  return stored ?? { value: { schema: 'fedcardio.privacy-ledger/1', site, releases: [] }, etag: undefined };
}

function requireFirst(site: string, ledger: Ledger, release: Release): void {
  if (!isAskedAnew(ledger, release)) return;
  const { stage, round } = release;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `${site} has trained round ${round} of stage ${stage} already, from another model: its noise is planned for one.`,
    { hint: 'Ask the coordinator why.' },
  );
}

function requireNoBudget(site: string, budget: Budget | undefined): undefined {
  if (!budget) return;
  throw new FedcardioError('BUDGET_EXCEEDED', `${site} has a privacy budget, and this round adds no noise.`, {
    hint: 'Plan the campaign with privacy.differentialPrivacy, or ask the site to agree without a budget.',
  });
}

/** The reason reaches the coordinator: it states the limit, not what other campaigns have spent of it. */
function requireWithin(site: string, { releases }: Ledger, budget: Budget): void {
  if (isWithin(budget, releases)) return;
  const limit = `ε ${budget.epsilon} at δ ${budget.delta}`;
  throw new FedcardioError('BUDGET_EXCEEDED', `This round would exceed the privacy budget of ${site}, ${limit}.`, {
    hint: 'At the site, `fedcardio site privacy` shows what was spent on what.',
  });
}
