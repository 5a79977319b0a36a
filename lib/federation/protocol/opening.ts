import type { RoundAddress } from '../keys.ts';
import type { Open, Plan, Stage, Summary } from '../schemas.ts';
import { stageOf } from './plan.ts';

export interface OpeningInputs {
  readonly plan: Plan;
  /** SHA-256 of plan.json. */
  readonly planSha256: string;
  /** What the round starts from; null in a stage's first round. */
  readonly base: Open['base'];
  /** Of the sites that have one. */
  readonly summaries: readonly Summary[];
}

/** Frozen terms of a round, or why it cannot be held. */
export type Opening =
  | { readonly kind: 'open'; readonly open: Open }
  | { readonly kind: 'impossible'; readonly reason: string };

/**
 * The terms of a round. Participants are the plan's sites that hold what the stage needs now: a site that joins or
 * leaves does so between rounds. A round that has fewer than `minSites` of them from the start is impossible.
 */
export function openRound(at: RoundAddress, { plan, planSha256, base, summaries }: OpeningInputs, now: Date): Opening {
  const stage = stageOf(plan, at.stage);
  const able = new Set(summaries.filter((summary) => canTakePart(stage, summary)).map(({ site }) => site));
  const participants = plan.sites.filter((site) => able.has(site)).sort();
  const { minSites, minFraction, deadlineSeconds } = stage.quorum;
  if (participants.length < minSites) {
    const who = participants.length === 0 ? 'no site has' : `only ${participants.join(', ')} of ${minSites} sites have`;
    return { kind: 'impossible', reason: `Round ${at.round} of ${at.stage} cannot open: ${who} ${needOf(stage)}.` };
  }
  return {
    kind: 'open',
    open: {
      schema: 'fedcardio.open/1',
      ...at,
      at: now.toISOString(),
      deadline: new Date(now.getTime() + deadlineSeconds * 1000).toISOString(),
      participants,
      quorum: Math.max(minSites, Math.ceil(minFraction * participants.length)),
      base,
      previous: base?.commit ?? planSha256,
    },
  };
}

/** Whether a site holds what a stage trains, labels or scores. */
function canTakePart(stage: Stage, { cases, labelled }: Summary): boolean {
  switch (stage.kind) {
    case 'teacher':
      return (labelled[stage.task] ?? 0) > 0;
    case 'pseudo-label':
      return cases.training > 0;
    case 'student':
      return stage.pseudoLabels === undefined
        ? stage.tasks.some((task) => (labelled[task] ?? 0) > 0)
        : cases.training > 0;
    case 'evaluate':
      return cases.evaluation > 0;
  }
}

function needOf(stage: Stage): string {
  switch (stage.kind) {
    case 'teacher':
      return `training cases with ${stage.task} labels`;
    case 'student':
      if (stage.pseudoLabels === undefined) return `training cases with labels of ${stage.tasks.join(', ')}`;
      return 'training cases';
    case 'pseudo-label':
      return 'training cases';
    case 'evaluate':
      return 'held-out cases';
  }
}
