import { FedcardioError } from '../error.ts';
import type { Campaign, Stage } from '../federation/schemas.ts';
import { kindOf } from '../federation/schemas.ts';
import { type Task, tasksNamed } from '../federation/tasks.ts';
import { type Intensity, isSameIntensity } from '../imaging/intensity.ts';

/**
 * The intensity that a plan writes into a stage: the stage's own, or else the one that its tasks recommend; for a probe,
 * that of the stage that it probes. Undefined for the default so that the plans of campaigns
 * without the field keep their bytes.
 *
 * @throws FedcardioError BAD_CONFIGURATION if the tasks of a stage recommend different ones, or if a probe has another one
 *   than the network that it probes
 */
export function plannedIntensity(
  campaign: Campaign,
  tasks: readonly Task[],
  stage: Extract<Stage, { rounds: number }>,
): Intensity | undefined {
  const own = stage.training.intensity;
  if (stage.kind !== 'probe') return own ?? recommended(stage, tasks);
  const probed = campaign.stages.find(({ name }) => name === stage.of);
  const ofBody = probed && 'rounds' in probed ? plannedIntensity(campaign, tasks, probed) : undefined;
  if (own && !isSameIntensity(own, ofBody)) {
    throw new FedcardioError(
      'BAD_CONFIGURATION',
      `Stage ${stage.name} has another training.intensity than ${stage.of}, which it probes.`,
      { hint: 'Leave it out: a probe sees images as the network that it probes does.' },
    );
  }
  return own ?? ofBody;
}

/** The intensity that all tasks of a stage recommend; undefined if it is the default. */
function recommended(stage: Stage, tasks: readonly Task[]): Intensity | undefined {
  const [first, ...others] = tasksNamed(tasks, kindOf(stage).tasks(stage));
  const other = others.find(({ intensity }) => !isSameIntensity(intensity, first?.intensity));
  if (!other) return first?.intensity;
  throw new FedcardioError(
    'BAD_CONFIGURATION',
    `Stage ${stage.name}: its tasks ${first?.id} and ${other.id} recommend different intensities.`,
    { hint: 'Say which one the stage has in training.intensity.' },
  );
}
