import type { EvaluateStage } from './kinds.ts';

/** Names of models and thresholds that several of the evaluations use. */
export function sharedModelNames(evaluations: readonly EvaluateStage[]): ReadonlySet<string> {
  const names = evaluations.flatMap(({ models, thresholds = [] }) => [
    ...Object.keys(models),
    ...thresholds.map(({ name }) => name),
  ]);
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}
