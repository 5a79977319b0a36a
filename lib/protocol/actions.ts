import type { RoundAddress } from '../federation/keys.ts';
import type { Answered } from './gpu-tasks.ts';
import { requirementsOf, roundsOf } from './plan.ts';
import type { CampaignState, StageState } from './state.ts';

export type Action =
  /** Open the stage's next round. */
  | { readonly kind: 'open'; readonly at: RoundAddress }
  /** Send the round's tasks again, to the participants that have not answered. */
  | { readonly kind: 'send'; readonly at: RoundAddress; readonly answered: Answered }
  /** See whether the round can be sealed, or merged and committed. */
  | { readonly kind: 'close'; readonly at: RoundAddress }
  /** Every stage has completed. */
  | { readonly kind: 'complete' };

/**
 * What a campaign needs next. Stages whose requirements have completed run side by side. Acting twice on the same
 * state is harmless, so that nobody has to know who else is acting.
 *
 * @param resendAfterSeconds age at which a round's task messages are taken for lost
 */
export function nextActions(state: CampaignState, now: Date, resendAfterSeconds: number): readonly Action[] {
  if (state.ended) return [];
  if (state.stages.every((stage) => stage.completed)) return [{ kind: 'complete' }];
  const completed = new Set(state.stages.filter((stage) => stage.completed).map(({ stage }) => stage.name));
  return state.stages
    .filter((stage) => !stage.completed && requirementsOf(stage.stage).every((name) => completed.has(name)))
    .flatMap((stage) => stageActions(state.campaign, stage, now, resendAfterSeconds));
}

function stageActions(
  campaign: string,
  { stage, rounds }: StageState,
  now: Date,
  resendAfterSeconds: number,
): Action[] {
  const current = rounds.at(-1);
  if (!current || current.phase === 'committed') {
    const round = rounds.length + 1;
    return round > roundsOf(stage) ? [] : [{ kind: 'open', at: { campaign, stage: stage.name, round } }];
  }
  const close: Action = { kind: 'close', at: current.at };
  const sentMs = current.sentAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  const due = current.phase === 'open' && now.getTime() - sentMs >= resendAfterSeconds * 1000;
  const answered = new Set(current.answers.map(({ site }) => site));
  return due ? [{ kind: 'send', at: current.at, answered }, close] : [close];
}
