import type { EvaluateStage, Score, Stage } from '../federation/schemas.ts';
import { sharedModelNames } from '../federation/stages/shared-names.ts';

/**
 * The evaluations whose scores are a campaign's results: those of held-out cases or, if there is none, those of validation
 * cases. The two are never mixed: settings may have been chosen by the latter. Plans of earlier releases may name models of
 * several evaluations alike: such a name is followed by its evaluation's.
 */
export function reportedEvaluations(stages: readonly Stage[]): readonly EvaluateStage[] {
  const reported = resultsOf(stages);
  const nameOf = modelNames(reported);
  return reported.map((stage) => ({
    ...stage,
    models: Object.fromEntries(Object.entries(stage.models).map(([name, of]) => [nameOf(stage.name, name), of])),
    ...(stage.thresholds && {
      thresholds: stage.thresholds.map((one) => ({ ...one, name: nameOf(stage.name, one.name) })),
    }),
  }));
}

/** Gives the scores of an update of {@link reportedEvaluations}, with the names that models have there. */
export function reportedScores(stages: readonly Stage[]) {
  const nameOf = modelNames(resultsOf(stages));
  return ({ stage, scores }: { readonly stage: string; readonly scores?: readonly Score[] | undefined }) =>
    scores?.map((score): Score => ({ ...score, model: nameOf(stage, score.model) }));
}

/** The cases that {@link reportedEvaluations} score. */
export const scoredCases = (stages: readonly Stage[]): 'held-out' | 'validation' =>
  resultsOf(stages)[0]?.cases ?? 'held-out';

function resultsOf(stages: readonly Stage[]): readonly EvaluateStage[] {
  const all = stages.filter((stage) => stage.kind === 'evaluate');
  const heldOut = all.filter(({ cases }) => cases !== 'validation');
  return heldOut.length > 0 ? heldOut : all;
}

function modelNames(evaluations: readonly EvaluateStage[]) {
  const shared = sharedModelNames(evaluations);
  return (evaluation: string, name: string) => (shared.has(name) ? `${name} (${evaluation})` : name);
}
