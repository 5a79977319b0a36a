import type { CampaignView, RoundView, StageView } from '../../api/campaign.ts';
import { type CellState, stateOf } from '../../api/cells.ts';
import { EXCLUDED } from './cell-mark.tsx';

/** A site that a round did not merge, and why. */
interface Excluded {
  readonly site: string;
  readonly state: CellState;
  readonly reason: string;
}

export type CampaignEvent = { readonly at: string } & (
  | { readonly kind: 'planned' }
  | { readonly kind: 'opened'; readonly stage: StageView; readonly round: RoundView; readonly sites: number }
  | {
      readonly kind: 'committed';
      readonly stage: StageView;
      readonly round: RoundView;
      readonly merged: number;
      readonly sites: number;
      readonly excluded: readonly Excluded[];
    }
  | { readonly kind: 'paused'; readonly reason: string | undefined }
  | { readonly kind: 'resumed' }
  | { readonly kind: 'ended'; readonly phase: CampaignView['phase']; readonly reason: string | undefined }
);

/** What happened in a campaign, the last first. */
export function eventsOf(view: CampaignView): readonly CampaignEvent[] {
  const { plannedAt, endedAt, phase, reason, pauses, stages } = view;
  const events: readonly CampaignEvent[] = [
    ...(plannedAt === undefined ? [] : [{ at: plannedAt, kind: 'planned' } as const]),
    ...stages.flatMap((stage) => stage.rounds.flatMap((round) => eventsOfRound(view, stage, round))),
    ...pauses.flatMap(({ from, until, reason: why }): readonly CampaignEvent[] => [
      { at: from, kind: 'paused', reason: why },
      ...(until === null ? [] : [{ at: until, kind: 'resumed' } as const]),
    ]),
    ...(endedAt === undefined ? [] : [{ at: endedAt, kind: 'ended', phase, reason } as const]),
  ];
  return [...events].sort((a, b) => b.at.localeCompare(a.at));
}

function eventsOfRound(
  { sites, reasons: texts }: CampaignView,
  stage: StageView,
  round: RoundView,
): readonly CampaignEvent[] {
  const states = [...round.cells].map(stateOf);
  const reasons = new Map(round.notes.map(([index, , reason]) => [index, texts[reason]]));
  // Sites without data were not asked to answer, unless their GPU task found that out.
  const taking = states.filter(
    (state, index) => state !== 'not asked' && (state !== 'no data' || reasons.has(index)),
  ).length;
  const opened = { at: round.openedAt, kind: 'opened', stage, round, sites: taking } as const;
  if (round.committedAt === undefined) return [opened];
  const excluded = states.flatMap((state, index) => {
    const reason = reasons.get(index);
    return EXCLUDED.has(state) && reason !== undefined ? [{ site: sites[index] ?? '', state, reason }] : [];
  });
  const merged = states.filter((state) => state === 'merged' || state === 'clipped' || state === 'limited').length;
  return [opened, { at: round.committedAt, kind: 'committed', stage, round, merged, sites: taking, excluded }];
}
