import type { Campaign, Stage } from '../../lib/federation/schemas.ts';
import { isFor, learns, roundsOf, trains } from '../../lib/protocol/plan.ts';
import { stepsOfRound } from '../../lib/training/schedule.ts';
import type { GpuTaskRef } from './events.ts';
import type { RunSite } from './run-site.ts';

/** Work of a campaign in training steps of a UNet. The remaining time is estimated from it. */
export interface Workload {
  readonly total: number;
  /** Work of one GPU task; by default, of the first round. */
  of(task: StageTask): number;
  /** Rounds of every stage, in the campaign's order. */
  readonly rounds: ReadonlyMap<string, number>;
}

type StageTask = Pick<GpuTaskRef, 'stage' | 'site'> & Partial<Pick<GpuTaskRef, 'round'>>;

/** Measured time of a step relative to the UNet's. A prediction is a forward pass and reading files. */
const COST = { unet: 1, 'swin-unetr': 2, prediction: 1 } as const;

/** The work of a campaign, from its steps and from the cases of each site. */
export function workloadOf(campaign: Campaign, sites: readonly RunSite[]): Workload {
  const stages = new Map(campaign.stages.map((stage) => [stage.name, stage]));
  const byId = new Map(sites.map((site) => [site.id, site]));
  const rounds = new Map(campaign.stages.map((stage) => [stage.name, roundsOf(stage)]));
  // Scoring the last model takes little: it is no work.
  const isWork = (stage: Stage, round: number) => !learns(stage) || trains(stage, round);
  const of = (task: StageTask): number => {
    const [stage, site] = [stages.get(task.stage), byId.get(task.site)];
    return stage && site && isWork(stage, task.round ?? 1) ? workOf(stage, site) : 0;
  };
  const total = campaign.stages.reduce(
    (sum, stage) =>
      sum + sites.reduce((all, site) => all + (learns(stage) ? stage.rounds : 1) * workOf(stage, site), 0),
    0,
  );
  return { total, of, rounds };
}

/** Work of one round of a stage at a site; 0 if the site does not participate. */
function workOf(stage: Stage, { id, training, evaluation, labelled }: RunSite): number {
  if (!isFor(stage, id)) return 0;
  switch (stage.kind) {
    case 'teacher':
      return (labelled[stage.task] ?? 0) > 0 ? stepsOfRound(stage.training) * COST[stage.model.kind] : 0;
    case 'probe':
      return (labelled[stage.task] ?? 0) > 0 ? stepsOfRound(stage.training) * COST.prediction : 0;
    case 'student': {
      const labels = stage.tasks.some((task) => (labelled[task] ?? 0) > 0);
      return stage.pseudoLabels !== undefined || labels ? stepsOfRound(stage.training) * COST[stage.model.kind] : 0;
    }
    case 'pseudo-label':
      return training * stage.teachers.flat().length * predictionCost(stage);
    case 'evaluate':
      return evaluation * Object.values(stage.models).flat().length * predictionCost(stage);
  }
}

/** Windows grow with the cube of what does not overlap; {@link COST} is that of windows that overlap by half. */
const predictionCost = ({ overlap = 0.5 }: { readonly overlap?: number | undefined }): number =>
  COST.prediction * (0.5 / (1 - overlap)) ** 3;
