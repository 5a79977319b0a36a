import { siteKeys } from '../../lib/federation/keys.ts';
import { ledgerSchema, type Release } from '../../lib/federation/schemas.ts';
import { groupBy } from '../../lib/group-by.ts';
import { epsilonOfReleases } from '../../lib/privacy/ledger.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import { readSent } from './site-overview.ts';

/** δ at which ε is counted unless a budget or a person says another. */
export const DELTA = 1e-5;

/** What a site has released for one campaign. */
interface CampaignSpending {
  readonly campaign: string;
  readonly releases: number;
  /** ε of this campaign alone. Those of several do not add up: together they cost less. */
  readonly epsilon: number;
  /** `site`: the noise hides the whole site in every release. `case`: in some it hides single cases only. */
  readonly unit: Release['unit'];
  /** Rounds whose weights left without noise, by the site's record of what it sent. */
  readonly withoutNoise: number;
  readonly last: string;
}

export interface Spending {
  /** ε of all releases with noise together, for every case. */
  readonly spent: number;
  readonly delta: number;
  /** Absent if no budget was asked about. */
  readonly left?: number;
  readonly campaigns: readonly CampaignSpending[];
}

/**
 * What a site has spent on which campaign, read from its ledger and its records.
 *
 * @param budget only to say what is left of it
 */
export async function siteSpending(
  store: Pick<SiteStore, 'bucket' | 'list' | 'tryGet'>,
  delta: number,
  budget?: number,
): Promise<Spending> {
  const releases = (await tryReadJson(store, siteKeys.ledger, ledgerSchema))?.value.releases ?? [];
  const sent = (await readSent(store)).filter(({ weights }) => weights);
  const roundOf = (of: { readonly campaign: string; readonly stage: string; readonly round: number }) =>
    `${of.campaign}\n${of.stage}\n${of.round}`;
  const noisy = new Set(releases.map(roundOf));
  const bare = sent.filter((one) => !noisy.has(roundOf(one)));
  const all = groupBy([...releases, ...bare], ({ campaign }) => campaign);
  const spent = epsilonOfReleases(releases, delta);
  return {
    spent,
    delta,
    ...(budget !== undefined && { left: Math.max(0, budget - spent) }),
    campaigns: [...all].map(([campaign, of]): CampaignSpending => {
      const own = releases.filter((one) => one.campaign === campaign);
      return {
        campaign,
        releases: own.length,
        epsilon: epsilonOfReleases(own, delta),
        unit: own.some(({ unit }) => unit === 'case') ? 'case' : 'site',
        withoutNoise: bare.filter((one) => one.campaign === campaign).length,
        last: of
          .map(({ at }) => at)
          .sort()
          .at(-1) as string,
      };
    }),
  };
}
