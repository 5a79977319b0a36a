import type { EvaluateStage, Stage } from '../federation/schemas.ts';

/**
 * The evaluations whose scores are a campaign's results: those of held-out cases or, if there is none, those of validation
 * cases. The two are never mixed: settings may have been chosen by the latter.
 */
export function reportedEvaluations(stages: readonly Stage[]): readonly EvaluateStage[] {
  const all = stages.filter((stage) => stage.kind === 'evaluate');
  const heldOut = all.filter(({ cases }) => cases !== 'validation');
  return heldOut.length > 0 ? heldOut : all;
}

/** The cases that {@link reportedEvaluations} score. */
export const scoredCases = (stages: readonly Stage[]): 'held-out' | 'validation' =>
  reportedEvaluations(stages)[0]?.cases ?? 'held-out';
