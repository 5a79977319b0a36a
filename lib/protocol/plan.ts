import { FedcardioError } from '../error.ts';
import type { Campaign, ModelConfig, Plan, Stage } from '../federation/schemas.ts';
import { kindOf, plannedAggregation, stageReferences } from '../federation/schemas.ts';
import { sharedModelNames } from '../federation/stages/shared-names.ts';
import { DEFAULT_TASKS, type Task, tasksNamed } from '../federation/tasks.ts';
import { groupBy } from '../group-by.ts';
import { printable } from '../printable.ts';
import { plannedIntensity } from './planned-intensity.ts';
import { requireNetworks } from './planned-networks.ts';
import { plannedPrivacy, privateAggregation } from './planned-privacy.ts';
import { FEWEST_SITES, secureFaults } from './secure/plan-faults.ts';

/** A campaign as uploaded, with the SHA-256 of its bytes. */
export interface CampaignSource {
  readonly value: Campaign;
  readonly sha256: string;
}

/**
 * The frozen terms of a campaign.
 *
 * @param name the campaign's name in its key
 * @param terms the federation's tasks, and its smallest number of sites whose updates may be averaged: quorums below it
 *   are raised; its sites
 * @throws FedcardioError BAD_CONFIGURATION when the campaign's id differs from its key, since keys are made from the id,
 *   when it has a task that the federation does not have, when evaluations share a model's name, when {@link plannedIntensity}
 *   finds no intensity for a stage, {@link requireNetworks} a network that cannot run or {@link plannedPrivacy} a fault, or when it
 *   asks for secure aggregation with what needs to see single updates
 */
export function planCampaign(
  name: string,
  source: CampaignSource,
  now: Date,
  {
    tasks = DEFAULT_TASKS,
    minSites = 1,
    sites = [],
  }: {
    readonly tasks?: readonly Task[];
    readonly minSites?: number | undefined;
    readonly sites?: readonly string[] | undefined;
  } = {},
): Plan {
  if (source.value.id !== name) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `The campaign has the id "${source.value.id}" and the key of "${name}".`,
    );
  }
  refuseSharedNames(source.value.stages);
  requireNetworks(
    source.value.stages.filter(learns).map((stage) => ({
      stage,
      model: modelOf(source.value, stage),
      tasks: tasksOf({ tasks }, stage),
    })),
  );
  const secure = source.value.privacy?.secureAggregation;
  const fewest = secure ? (secure.threshold ?? FEWEST_SITES) : 1;
  const privacy = plannedPrivacy(source.value, sites);
  const isPrivate = privacy?.differentialPrivacy !== undefined;
  const planned = (stage: Stage): Stage => {
    if (!learns(stage)) return stage;
    const intensity = plannedIntensity(source.value, tasks, stage);
    return {
      ...stage,
      training: { ...stage.training, ...(intensity && { intensity }) },
      quorum: { ...stage.quorum, minSites: Math.max(stage.quorum.minSites, minSites, fewest) },
      aggregation: isPrivate
        ? privateAggregation(stage.aggregation)
        : // What the defaults limit is not to be seen under masks.
          secure
          ? stage.aggregation
          : plannedAggregation(stage.aggregation),
    };
  };
  const { $schema: _, ...campaign } = source.value;
  const stages = source.value.stages.map(planned);
  const [fault, ...others] = secureFaults({ ...campaign, stages });
  if (fault !== undefined) {
    const all = [fault, ...others].join('; ');
    throw new FedcardioError('BAD_CONFIGURATION', `Secure aggregation is impossible: ${all}.`);
  }
  const used = new Set(source.value.stages.flatMap((stage) => kindOf(stage).tasks(stage)));
  return {
    schema: 'fedcardio.plan/1',
    campaign: { ...campaign, ...(privacy && { privacy }), stages },
    tasks: [...tasksNamed(tasks, [...used])],
    source: source.sha256,
    at: now.toISOString(),
  };
}

/**
 * Scores and predictions name their model, not their evaluation. The schema also reads plans of earlier releases, in which
 * names may be shared, so that it does not refuse them.
 */
function refuseSharedNames(stages: readonly Stage[]): void {
  const evaluations = stages.filter((stage) => stage.kind === 'evaluate');
  for (const [cases, alike] of groupBy(evaluations, ({ cases = 'held-out' }) => cases)) {
    const [name] = sharedModelNames(alike);
    if (name === undefined) continue;
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Several stages that score the ${cases} cases name a model "${name}": ${alike.map((stage) => stage.name).join(', ')}.`,
      { hint: 'Give every model a name of its own, so that its scores and predictions can be told apart.' },
    );
  }
}

/**
 * Number of a stage's last round; 1 for a stage that does not learn. With `validate`, a round without training follows those
 * that train; rounds before it may be missing, if the stage stops early.
 */
export const roundsOf = (stage: Stage): number => (learns(stage) ? stage.rounds + (stage.validate ? 1 : 0) : 1);

export type LearningStage = Extract<Stage, { rounds: number }>;

/** Whether a stage is for a site: one that names no sites is for all. */
export const isFor = ({ sites }: Pick<Stage, 'sites'>, site: string): boolean => sites?.includes(site) ?? true;

/** Whether a stage trains a model. */
export const learns = (stage: Stage): stage is LearningStage => 'rounds' in stage;

/** Whether a round's updates carry weights: not in a stage that does not learn, nor in the last round of one that validates. */
export const trains = (stage: Stage, round: number): stage is LearningStage =>
  learns(stage) && !(stage.validate && round > stage.rounds);

/** Tasks of the heads of the network that a stage trains. */
export const tasksOf = (plan: PlannedTasks, stage: LearningStage): readonly Task[] =>
  tasksNamed(definitionsOf(plan), kindOf(stage).tasks(stage));

/** Definitions of a plan's tasks. A plan of a release without custom tasks has none: it has the default ones. */
export const definitionsOf = ({ tasks = DEFAULT_TASKS }: PlannedTasks): readonly Task[] => tasks;

interface PlannedTasks {
  readonly tasks?: readonly Task[] | undefined;
}

/** The network that a stage trains; for a probe, the network whose body it probes. */
export function modelOf(campaign: Campaign, stage: LearningStage): ModelConfig {
  if (stage.kind !== 'probe') return stage.model;
  const probed = campaign.stages.find(({ name }) => name === stage.of);
  if (probed && learns(probed)) return modelOf(campaign, probed);
  throw new FedcardioError('BAD_CONFIGURATION', `Stage ${stage.name} probes "${stage.of}", which trains no network.`);
}

/** Names of the stages that must complete before this one opens. */
export const requirementsOf = (stage: Stage): readonly string[] => [
  ...new Set(Object.values(stageReferences(stage)).flat()),
];

/** The stage of a plan by its name. @throws FedcardioError NOT_FOUND */
export function stageOf(plan: Plan, name: string): Stage {
  const stage = plan.campaign.stages.find((candidate) => candidate.name === name);
  if (stage) return stage;
  throw new FedcardioError('NOT_FOUND', `Campaign ${plan.campaign.id} has no stage "${printable(name)}".`, {
    hint: `Its stages are ${plan.campaign.stages.map((one) => one.name).join(', ')}.`,
  });
}
