import type { RoundStatus } from '../../lib/protocol/round-status.ts';
import type { CampaignStatus } from '../../lib/protocol/status.ts';
import { significant } from '../../lib/report/format.ts';

/** What a site's answer to a round became, or is so far. */
type Became = 'merged' | 'clipped' | 'limited' | 'answered' | 'waited for' | 'late' | 'refused' | 'failed' | 'missed';

export interface Cell {
  readonly became: Became;
  /** Reason why the update was not merged, or was scaled down. */
  readonly reason?: string;
}

/** A site in a round; undefined if it does not take part. */
export function cellOf(round: RoundStatus, site: string): Cell | undefined {
  if (!round.participants.includes(site)) return undefined;
  const failed = round.failed.find((failure) => failure.site === site);
  if (failed) return { became: failed.refused ? 'refused' : 'failed', reason: failed.reason };
  const clipped = round.clipped.filter((entry) => entry.site === site && !entry.late).map(scalingOf);
  const limited = round.limited.filter((entry) => entry.site === site).map(limitOf);
  const reduced = [...clipped, ...limited];
  if (reduced.length > 0) return { became: clipped.length > 0 ? 'clipped' : 'limited', reason: reduced.join(', ') };
  if (round.updated.includes(site)) return { became: round.phase === 'open' ? 'answered' : 'merged' };
  const late = round.late.find((update) => update.site === site);
  if (late) {
    const counts = late.mergedIn === undefined ? '' : `, and counts in round ${late.mergedIn}`;
    return { became: 'late', reason: `it arrived at ${late.at}${counts}` };
  }
  return round.phase === 'open'
    ? { became: 'waited for', reason: `until ${round.deadline}` }
    : { became: 'missed', reason: 'it had not answered when the round closed' };
}

export interface SiteRound extends Cell {
  readonly stage: string;
  readonly round: number;
}

/** The result of a site's update in each round that the site participates in. */
export const siteRounds = (status: CampaignStatus, site: string): readonly SiteRound[] =>
  status.stages.flatMap(({ name: stage, rounds }) =>
    rounds.flatMap((round): SiteRound[] => {
      const cell = cellOf(round, site);
      return cell ? [{ stage, round: round.round, ...cell }] : [];
    }),
  );

/** All sites that take part in any round, sorted. */
export const participantsOf = ({ stages }: Pick<CampaignStatus, 'stages'>): readonly string[] =>
  [...new Set(stages.flatMap(({ rounds }) => rounds.flatMap(({ participants }) => participants)))].sort();

const scalingOf = ({ norm, factor }: RoundStatus['clipped'][number]): string =>
  `scaled by ${significant(factor)} (norm ${significant(norm)})`;

const limitOf = ({ samples, counted: as }: RoundStatus['limited'][number]): string =>
  `counted as ${significant(as)} cases instead of ${samples} (shareFactor)`;
