import type { Layout } from '../aggregation/layout.ts';
import { isFedcardioError } from '../error.ts';
import { federationKeys } from '../federation/keys.ts';
import { type ModelConfig, type Open, planSchema } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import { controlName } from '../models/control-variates.ts';
import { parametersOf } from '../models/initial-weights.ts';
import { headOf } from '../models/parameters.ts';
import { splitNetwork } from '../models/split-parameters.ts';
import type { FederationStore } from '../storage/contract.ts';
import { tryReadJson } from '../storage/documents.ts';
import { sortedNames } from '../weights/weights.ts';
import { type LearningStage, modelOf, tasksOf } from './plan.ts';

/**
 * Names and shapes of what the sites of a learning stage send: the parameters of the stage's network without those that
 * stay at the sites, and with SCAFFOLD their control variates; for a probe, its heads. Floats are F32, in the order of their bytes.
 *
 * @returns undefined if the network cannot be known, for example for a plan that is missing
 */
export async function networkLayout(
  store: Pick<FederationStore, 'bucket' | 'tryGet'>,
  open: Pick<Open, 'campaign'>,
  stage: LearningStage,
): Promise<Layout | undefined> {
  try {
    const plan = (await tryReadJson(store, federationKeys.plan(open.campaign), planSchema))?.value;
    if (!plan) return undefined;
    return sentLayout(modelOf(plan.campaign, stage), stage, tasksOf(plan, stage));
  } catch (error) {
    // The sites find the same fault of the configuration, and report it.
    if (!isFedcardioError(error, 'BAD_CONFIGURATION')) throw error;
    return undefined;
  }
}

/**
 * The layout of what a site sends for a stage: see {@link networkLayout}.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if the stage's local parameters do not fit its network
 */
export function sentLayout(model: ModelConfig, stage: LearningStage, tasks: readonly Task[]): Layout {
  const shapes = new Map(parametersOf(model, tasks).map(({ name, shape }) => [name, shape]));
  const isSent =
    stage.kind === 'probe'
      ? (name: string) => headOf(name) !== undefined
      : isIn(splitNetwork(shapes.keys(), stage.training).shared);
  const sent = [...shapes].filter(([name]) => isSent(name));
  const controls = stage.training.algorithm?.name === 'scaffold' ? sent : [];
  const all = new Map([...sent, ...controls.map(([name, shape]) => [controlName(name), shape] as const)]);
  return new Map(sortedNames(all).map((name) => [name, { dtype: 'F32', shape: all.get(name) ?? [] }]));
}

const isIn = (names: ReadonlySet<string>) => (name: string) => names.has(name);
