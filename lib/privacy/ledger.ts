import type { ConsentLimits, Ledger, Release } from '../federation/schemas.ts';
import { groupBy } from '../group-by.ts';
import { epsilonOf, type GaussianRelease } from './accountant.ts';

/** A site's limit on what all campaigns together may reveal. */
export type Budget = NonNullable<ConsentLimits['budget']>;

/** The same release, whenever and however often it is recorded. */
const identityOf = ({ campaign, stage, round, of }: Release): string => [campaign, stage, round, of].join('\n');

/** The ledger with a release; itself if it has it already. */
export function withRelease(ledger: Ledger, release: Release): Ledger {
  const known = ledger.releases.some((one) => identityOf(one) === identityOf(release));
  return known ? ledger : { ...ledger, releases: [...ledger.releases, release] };
}

/** What a ledger has of a release's round, of whatever plan. */
export const releasesOfRound = (
  { releases }: Ledger,
  { campaign, stage, round }: Pick<Release, 'campaign' | 'stage' | 'round'>,
): readonly Release[] =>
  releases.filter((one) => one.campaign === campaign && one.stage === stage && one.round === round);

/** Whether a ledger has a release of the same round of the same plan that began with another model. */
export const isAskedAnew = (ledger: Ledger, release: Release): boolean =>
  releasesOfRound(ledger, release).some(
    ({ plan, base }) => plan !== undefined && plan === release.plan && base !== release.base,
  );

/**
 * ε of releases at δ. Noise that hides a site hides each of its cases, so that the sum over both units holds for a case; for the
 * site it holds if all releases have that unit.
 */
export function epsilonOfReleases(releases: readonly Release[], delta: number): number {
  const alike = groupBy(releases, ({ noise, rate }) => `${noise} ${rate}`).values();
  const grouped = [...alike].map((group): GaussianRelease => {
    const { noise, rate } = group[0] as Release;
    return { noise, rate, count: group.reduce((sum, { count }) => sum + count, 0) };
  });
  return grouped.length === 0 ? 0 : epsilonOf(grouped, delta);
}

/** Bisection and sums round: an ε that a plan was made for must not fail for its last digits. */
const TOLERANCE = 1 + 1e-6;

/** Whether releases keep within a budget. */
export const isWithin = ({ epsilon, delta }: Budget, releases: readonly Release[]): boolean =>
  epsilonOfReleases(releases, delta) <= epsilon * TOLERANCE;
