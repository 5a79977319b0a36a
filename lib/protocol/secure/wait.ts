import type { LearningStage } from '../plan.ts';

/** From now on, as long as a round of the stage waits for its updates. */
export function waitOf({ now }: { readonly now: () => Date }, { quorum }: Pick<LearningStage, 'quorum'>) {
  const at = now();
  return { at: at.toISOString(), deadline: new Date(at.getTime() + quorum.deadlineSeconds * 1000).toISOString() };
}
