import { FedcardioError } from '../lib/error.ts';
import type { GpuTaskMessage, Plan, Stage } from '../lib/federation/schemas.ts';
import { canonicalJson } from '../lib/json.ts';
import { isFor, roundsOf } from '../lib/protocol/plan.ts';
import { secureTermsOf } from '../lib/protocol/secure/terms.ts';

/**
 * The stage that a message asks for, as the plan has it. The site has agreed to the plan alone: nothing else that a message says of the
 * work counts, so that it must say the same.
 *
 * @throws FedcardioError `BAD_CONFIGURATION` if the message asks for other work, or for plain weights where the plan has masks
 */
export function plannedStage(
  { campaign }: Pick<Plan, 'campaign'>,
  { site, stage: name, round, config, seed, secure }: GpuTaskMessage,
): Stage {
  const stage = campaign.stages.find((one) => one.name === name);
  if (!stage) throw refusal(`a stage "${name}" that it does not have`);
  if (!isFor(stage, site)) throw refusal(`stage ${name}, which is for others`);
  if (canonicalJson(config) !== canonicalJson(stage)) throw refusal(`another configuration of stage ${name}`);
  if (seed !== campaign.seed) throw refusal(`seed ${seed} instead of ${campaign.seed}`);
  if (round > roundsOf(stage)) throw refusal(`round ${round} of ${roundsOf(stage)}`);
  if (!secure && secureTermsOf(campaign, stage)) throw refusal('plain weights where it has secure aggregation');
  return stage;
}

const refusal = (asked: string): FedcardioError =>
  new FedcardioError(
    'BAD_CONFIGURATION',
    `The message asks for other work than the plan that was agreed to: ${asked}.`,
    {
      hint: 'Ask the coordinator why.',
    },
  );
