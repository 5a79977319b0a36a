import type { Plan } from '../federation/schemas.ts';
import { HINGES } from '../scoring/measurements.ts';
import { learns, stageOf, tasksOf } from './plan.ts';

/** Thresholds that would find nothing, because their model of points learns no task with all hinge points: a sentence for each. */
export const thresholdWarnings = (plan: Plan): readonly string[] =>
  plan.campaign.stages.flatMap((stage) => {
    if (stage.kind !== 'evaluate') return [];
    return (stage.thresholds ?? []).flatMap(({ name, points }) => {
      // The members of an ensemble have learnt the same tasks.
      const [first = ''] = [stage.models[points] ?? []].flat();
      const trained = stageOf(plan, first);
      const learnt = learns(trained) ? tasksOf(plan, trained) : [];
      return learnt.some(({ classes }) => HINGES.every((hinge) => classes.includes(hinge)))
        ? []
        : [
            `${stage.name}: threshold "${name}" will find nothing, because no task of "${points}" has ${HINGES.join(', ')}.`,
          ];
    });
  });
