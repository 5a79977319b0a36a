import { siteKeys } from '../../../lib/federation/keys.ts';
import { ledgerSchema } from '../../../lib/federation/schemas.ts';
import { epsilonOfReleases } from '../../../lib/privacy/ledger.ts';
import { readPolicy } from '../../../lib/protocol/consent/at-site.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { tryReadJson } from '../../../lib/storage/documents.ts';
import type { AskedCampaigns } from '../../../page/api/hospital/decide.ts';
import { DELTA } from '../../site/privacy-ledger.ts';

/** What the site has spent of its privacy budget, at the δ of the budget if its policy sets one. */
export async function budgetView(store: SiteStore): Promise<NonNullable<AskedCampaigns['privacy']>> {
  const [ledger, policy] = await Promise.all([tryReadJson(store, siteKeys.ledger, ledgerSchema), readPolicy(store)]);
  const releases = ledger?.value.releases ?? [];
  const { epsilon, delta = DELTA } = policy?.limits.budget ?? {};
  return {
    spent: epsilonOfReleases(releases, delta),
    ...(epsilon !== undefined && { budget: epsilon }),
    delta,
    releases: releases.reduce((sum, { count }) => sum + count, 0),
  };
}
