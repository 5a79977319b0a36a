import type { RoundAddress } from '../federation/keys.ts';
import { isRecent } from '../recent.ts';
import { requirementsOf, roundsOf } from './plan.ts';
import type { CampaignProgress, StageProgress } from './state.ts';

/** The next action of a campaign. */
export type Action =
  /** Open the stage's next round, or its last one if the round before says that the stage stops early. */
  | { readonly kind: 'open'; readonly at: RoundAddress }
  /** Send the round's GPU tasks to the participants that have not answered. */
  | { readonly kind: 'send'; readonly at: RoundAddress }
  /** Close the round if it can be closed. */
  | { readonly kind: 'close'; readonly at: RoundAddress }
  /** Every stage has completed. */
  | { readonly kind: 'complete' };

/**
 * The next actions of a campaign. Stages whose requirements have completed run in parallel. Actions are idempotent, so that
 * concurrent callers need no coordination.
 *
 * @param resendAfterSeconds age after which a round's GPU task messages count as lost
 */
export function nextActions(state: CampaignProgress, now: Date, resendAfterSeconds: number): readonly Action[] {
  if (state.ended) return [];
  if (state.stages.every((stage) => stage.completed)) return [{ kind: 'complete' }];
  const completed = new Set(state.stages.filter((stage) => stage.completed).map(({ stage }) => stage.name));
  return state.stages
    .filter((stage) => !stage.completed && requirementsOf(stage.stage).every((name) => completed.has(name)))
    .flatMap((stage) => stageActions(state.campaign, stage, now, resendAfterSeconds));
}

function stageActions(
  campaign: string,
  { stage, current }: StageProgress,
  now: Date,
  resendAfterSeconds: number,
): Action[] {
  if (!current || current.phase === 'committed') {
    const round = (current?.at.round ?? 0) + 1;
    return round > roundsOf(stage) ? [] : [{ kind: 'open', at: { campaign, stage: stage.name, round } }];
  }
  const close: Action = { kind: 'close', at: current.at };
  // By the clock of the storage, which may differ from this one.
  const isSent = current.sentAt !== undefined && isRecent(current.sentAt, now, resendAfterSeconds);
  const due = current.phase === 'open' && !isSent;
  return due ? [{ kind: 'send', at: current.at }, close] : [close];
}
