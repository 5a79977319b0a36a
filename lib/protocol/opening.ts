import type { RoundAddress } from '../federation/keys.ts';
import type { Open, Plan, Stage, Summary } from '../federation/schemas.ts';
import { stageOf } from './plan.ts';

export interface OpeningInputs {
  readonly plan: Plan;
  /** SHA-256 of plan.json. */
  readonly planSha256: string;
  /** What the round starts from; null in a stage's first round. */
  readonly base: Open['base'];
  /** Sites of the federation that hold what the stage needs, and how much of it. */
  readonly able: readonly Participant[];
}

export type Participant = Open['participants'][number];

/** Frozen terms of a round, or why it cannot be held. */
export type Opening =
  | { readonly kind: 'open'; readonly open: Open }
  | { readonly kind: 'impossible'; readonly reason: string };

/**
 * The terms of a round. Participants are the sites that belong to the federation and hold what the stage needs now: a
 * site that joins or leaves does so between rounds. A round that has fewer than `minSites` of them from the start is
 * impossible.
 */
export function openRound(at: RoundAddress, { plan, planSha256, base, able }: OpeningInputs, now: Date): Opening {
  const stage = stageOf(plan, at.stage);
  const asked = able.filter(({ site }) => stage.sites?.includes(site) ?? true);
  const participants = asked.sort((a, b) => (a.site < b.site ? -1 : 1));
  const { minSites, minFraction, deadlineSeconds } = stage.quorum;
  if (participants.length < Math.max(1, minSites)) {
    const found = participants.map(({ site }) => site).join(', ');
    const asked = stage.sites ? `of ${stage.sites.join(', ')} ` : '';
    const who = asked + (found === '' ? 'no site has' : `only ${found} of ${minSites} sites have`);
    return { kind: 'impossible', reason: `Round ${at.round} of ${at.stage} cannot open: ${who} ${needOf(stage)}.` };
  }
  return {
    kind: 'open',
    open: {
      schema: 'fedcardio.open/1',
      ...at,
      at: now.toISOString(),
      deadline: new Date(now.getTime() + deadlineSeconds * 1000).toISOString(),
      config: stage,
      seed: plan.campaign.seed,
      participants,
      quorum: Math.max(minSites, Math.ceil(minFraction * participants.length)),
      base,
      previous: base?.commit ?? planSha256,
    },
  };
}

/** Cases that a stage can train on, label or score at a site, at most; 0 keeps the site out. */
export function samplesOf(stage: Stage, { cases, labelled }: Pick<Summary, 'cases' | 'labelled'>): number {
  switch (stage.kind) {
    case 'teacher':
    case 'probe':
      return labelled[stage.task] ?? 0;
    case 'pseudo-label':
      return cases.training;
    case 'student': {
      if (stage.pseudoLabels !== undefined) return cases.training;
      const labels = stage.tasks.reduce((sum, task) => sum + (labelled[task] ?? 0), 0);
      return Math.min(labels, cases.training);
    }
    case 'evaluate':
      return cases.evaluation;
  }
}

function needOf(stage: Stage): string {
  switch (stage.kind) {
    case 'teacher':
    case 'probe':
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
