import { groupBy } from '../../lib/group-by.ts';
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

/** Most cells are one of these. */
const [MERGED, ANSWERED]: readonly [Cell, Cell] = [{ became: 'merged' }, { became: 'answered' }];

/** A site in a round; undefined if it does not take part. */
export const cellOf = (round: RoundStatus, site: string): Cell | undefined => cellsOf(round)(site);

/** Like {@link cellOf}, for a round that is asked about many sites. */
export function cellsOf(round: RoundStatus): (site: string) => Cell | undefined {
  const participants = new Set(round.participants);
  const updated = new Set(round.updated);
  const failed = new Map(round.failed.map((failure) => [failure.site, failure]));
  const late = new Map(round.late.map((update) => [update.site, update]));
  const clipped = groupBy(
    round.clipped.filter((entry) => !entry.late),
    ({ site }) => site,
  );
  const limited = groupBy(round.limited, ({ site }) => site);
  return (site) => {
    if (!participants.has(site)) return undefined;
    const failure = failed.get(site);
    if (failure) return { became: failure.refused ? 'refused' : 'failed', reason: failure.reason };
    const [scaled, reduced] = [clipped.get(site), limited.get(site)];
    if (scaled || reduced) return reducedCell(scaled ?? [], reduced ?? []);
    if (updated.has(site)) return round.phase === 'open' ? ANSWERED : MERGED;
    const answer = late.get(site);
    if (answer) {
      const counts = answer.mergedIn === undefined ? '' : `, and counts in round ${answer.mergedIn}`;
      return { became: 'late', reason: `it arrived at ${answer.at}${counts}` };
    }
    return round.phase === 'open'
      ? { became: 'waited for', reason: `until ${round.deadline}` }
      : { became: 'missed', reason: 'it had not answered when the round closed' };
  };
}

const reducedCell = (clipped: RoundStatus['clipped'], limited: RoundStatus['limited']): Cell => ({
  became: clipped.length > 0 ? 'clipped' : 'limited',
  reason: [...clipped.map(scalingOf), ...limited.map(limitOf)].join(', '),
});

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
