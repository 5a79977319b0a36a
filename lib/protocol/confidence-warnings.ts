import type { Plan } from '../federation/schemas.ts';
import { chanceOf } from '../federation/tasks.ts';
import { learns, stageOf, tasksOf } from './plan.ts';

/**
 * Pseudo-labels whose `minConfidence` is no more than what chance gives a mask, so that it refuses none: a sentence for each stage.
 * At 0 it is said to refuse none.
 */
export const confidenceWarnings = (plan: Plan): readonly string[] =>
  plan.campaign.stages.flatMap((stage) => {
    if (stage.kind !== 'pseudo-label' || !stage.filter.minConfidence) return [];
    const { minConfidence } = stage.filter;
    const tasks = stage.teachers.flat().flatMap((name) => {
      const teacher = stageOf(plan, name);
      return learns(teacher) ? tasksOf(plan, teacher) : [];
    });
    const idle = new Set(tasks.filter((task) => minConfidence <= chanceOf(task)).map(({ id }) => id));
    return idle.size === 0
      ? []
      : [
          `${stage.name}: filter.minConfidence ${minConfidence} refuses no mask of ${[...idle].join(', ')}: every voxel of one is more confident. Leave it out for the default, or set it to 0 to let every confidence pass.`,
        ];
  });
