import { FedcardioError } from '../error.ts';
import type { ModelConfig, Stage } from '../federation/schemas.ts';
import type { Task } from '../federation/tasks.ts';
import { parametersOf } from '../models/initial-weights.ts';
import { attentionFault, type ConfigurationFault, divisorOf, multiplesNear } from '../models/network-faults.ts';
import { localityFault } from '../models/split-parameters.ts';

/** A stage with the network that it trains, or that a probe reads. */
interface PlannedNetwork {
  readonly stage: Extract<Stage, { rounds: number }>;
  readonly model: ModelConfig;
  readonly tasks: readonly Task[];
}

/**
 * Refuses what every site would find only when it trains: a network that cannot be made, patches that do not fit it, and
 * local parameters that it does not have.
 *
 * @throws FedcardioError BAD_CONFIGURATION with every fault of every stage
 */
export function requireNetworks(networks: readonly PlannedNetwork[]): void {
  const faults = networks.flatMap((network) =>
    faultsOf(network).map(([field, fault]) => ({ where: `Stage ${network.stage.name}, ${field}`, ...fault })),
  );
  const last = faults.at(-1);
  if (!last) return;
  const before = faults.slice(0, -1).map(({ where, problem, hint }) => `${where}: ${problem}. ${hint}`);
  const message = [...before, `${last.where}: ${last.problem}.`].join(' ');
  throw new FedcardioError('BAD_CONFIGURATION', message, { hint: last.hint });
}

type FieldFault = readonly [field: string, fault: ConfigurationFault];

function faultsOf(network: PlannedNetwork): readonly FieldFault[] {
  const { stage, model } = network;
  // A probe trains the heads of another stage's network, which is checked there.
  const attention = stage.kind !== 'probe' && model.kind === 'swin-unetr' ? attentionFault(model) : undefined;
  const patch = patchFault(network);
  const locality = localFault(network);
  return [
    ...(attention ? [['model.heads', attention] as const] : []),
    ...(patch ? [['training.patch', patch] as const] : []),
    ...(locality ? [['training.localParameters', locality] as const] : []),
  ];
}

function patchFault({ stage, model }: PlannedNetwork): ConfigurationFault | undefined {
  const { patch } = stage.training;
  const divisor = divisorOf(model);
  if (patch % divisor === 0) return undefined;
  const isProbe = stage.kind === 'probe';
  const network = isProbe ? `the network of ${stage.of}` : 'its network';
  return {
    problem: `patches of ${patch} voxels do not fit ${network}, which needs a multiple of ${divisor}`,
    hint: `Choose ${multiplesNear(patch, divisor).join(' or ')}${isProbe ? '' : ', or fewer stages'}.`,
  };
}

function localFault({ stage, model, tasks }: PlannedNetwork): ConfigurationFault | undefined {
  if (stage.training.localParameters.length === 0) return undefined;
  if (stage.kind !== 'probe') {
    return localityFault(
      parametersOf(model, tasks).map(({ name }) => name),
      stage.training,
    );
  }
  // An evaluation would look for them in the probed body, and replace its values by initial ones.
  return { problem: 'a probe trains new heads alone, and sends them', hint: 'Leave localParameters out.' };
}
