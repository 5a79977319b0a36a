import { kindOf, type Open, type Stage } from '../../lib/federation/schemas.ts';
import { isFor } from '../../lib/protocol/plan.ts';
import type { RoundStatus } from '../../lib/protocol/round-status.ts';
import type { Coverage } from '../../lib/report/report.ts';
import { isWithoutData } from '../../lib/report/without-data.ts';
import { type Cell, cellsOf } from '../campaign/cells.ts';

/**
 * Whose updates a committed round merged, and why those of others are missing.
 *
 * @param sites the federation's sites
 */
export function coverageOf(
  round: RoundStatus,
  stage: Stage,
  participants: Open['participants'],
  sites: readonly string[],
): Coverage {
  const merged = new Set(round.updated);
  const all = [...new Set([...sites, ...participants.map(({ site }) => site)])];
  const asked = all.filter((site) => isFor(stage, site));
  const cellOf = cellsOf(round);
  return {
    asked,
    merged: asked.filter((site) => merged.has(site)),
    caseShare: caseShareOf(round, participants),
    excluded: asked
      .filter((site) => !merged.has(site))
      .map((site) => ({ site, ...exclusionOf(cellOf(site), kindOf(stage).need(stage)) })),
  };
}

/** Share of the participants' cases that the merged sites hold, 0 to 1. */
export function caseShareOf({ updated }: Pick<RoundStatus, 'updated'>, participants: Open['participants']): number {
  const merged = new Set(updated);
  const cases = (of: Open['participants']) => of.reduce((sum, { samples }) => sum + samples, 0);
  return cases(participants.filter(({ site }) => merged.has(site))) / cases(participants);
}

function exclusionOf(cell: Cell | undefined, need: string): Pick<Coverage['excluded'][number], 'why' | 'reason'> {
  switch (cell?.became) {
    case undefined:
      return { why: 'no data', reason: `it had no ${need}` };
    case 'failed': {
      const reason = cell.reason ?? '';
      return { why: isWithoutData({ reason }) ? 'no data' : 'failed', reason };
    }
    case 'refused':
    case 'late':
      return { why: cell.became, reason: cell.reason ?? '' };
    default:
      return { why: 'missed', reason: cell?.reason ?? '' };
  }
}
