import type { Plan } from '../federation/schemas.ts';
import { HINGES } from '../scoring/measurements.ts';
import { learns, stageOf, tasksOf } from './plan.ts';

/** Thresholds that would find nothing, because their model of points learns no hinge points; one sentence for each. */
export const thresholdWarnings = (plan: Plan): readonly string[] =>
  plan.campaign.stages.flatMap((stage) => {
    if (stage.kind !== 'evaluate') return [];
    return (stage.thresholds ?? []).flatMap(({ name, points }) => {
      // The members of an ensemble have learnt the same tasks.
      const [first = ''] = [stage.models[points] ?? []].flat();
      const trained = stageOf(plan, first);
      const known = learns(trained) ? tasksOf(plan, trained).flatMap(({ classes }) => classes) : [];
      const missing = HINGES.filter((hinge) => !known.includes(hinge));
      return missing.length === 0
        ? []
        : [
            `${stage.name}: threshold "${name}" will find nothing, because "${points}" has not learnt ${missing.join(', ')}.`,
          ];
    });
  });
