import { describeError } from '../../error.ts';
import {
  type Consent,
  type ConsentTerms,
  kindOf,
  limitsSchema,
  type Plan,
  type Policy,
  type Stage,
  stageReferences,
} from '../../federation/schemas.ts';
import type { TaskId } from '../../federation/tasks.ts';
import type { Document } from '../../storage/documents.ts';
import { learns, roundsOf } from '../plan.ts';
import { requirePlannedNoise } from '../planned-privacy.ts';

/** Who answered, if the site's policy did. */
export const POLICY = 'policy';

/** What a campaign asks of a site: see docs/privacy.md, "Consent". */
export function termsOf({ campaign }: Plan): ConsentTerms {
  const stages = new Map(campaign.stages.map((stage) => [stage.name, stage]));
  const tasksOf = (stage: Stage): readonly TaskId[] => {
    const own = kindOf(stage).tasks(stage);
    const { after: _, ...models } = stageReferences(stage);
    const used = Object.values(models)
      .flat()
      .flatMap((name) => tasksOf(stages.get(name) as Stage));
    return own.length > 0 ? own : [...new Set(used)];
  };
  return {
    purpose: campaign.purpose ?? null,
    stages: campaign.stages.map((stage) => ({
      name: stage.name,
      kind: stage.kind,
      tasks: [...tasksOf(stage)].sort(),
      rounds: roundsOf(stage),
      leaves: leavesOf(stage),
    })),
    privacy: campaign.privacy ?? null,
  };
}

function leavesOf(stage: Stage): ConsentTerms['stages'][number]['leaves'] {
  if (learns(stage)) return ['weights', 'figures'];
  return stage.kind === 'evaluate' ? ['figures', 'scores'] : ['figures'];
}

/** Why a campaign does not meet the rules of a standing consent; undefined if it does. */
function ruleBroken(
  { stages, privacy }: ConsentTerms,
  { tasks, maxRounds, requires }: Policy['rules'],
): string | undefined {
  const other = tasks && stages.flatMap((stage) => stage.tasks).find((task) => !tasks.includes(task));
  if (other !== undefined) return `The policy does not agree to the task "${other}" by itself.`;
  const long = stages.find(({ rounds }) => maxRounds !== undefined && rounds > maxRounds);
  if (long) return `Stage ${long.name} has ${long.rounds} rounds, the policy agrees to ${maxRounds} by itself.`;
  const missing = requires?.find((protection) => !privacy?.[protection]);
  if (missing !== undefined) return `The campaign lacks ${PROTECTIONS[missing]}, which the policy requires.`;
  return undefined;
}

const PROTECTIONS = { secureAggregation: 'secure aggregation', differentialPrivacy: 'differential privacy' } as const;

/** The site's first answer to a campaign, as its policy gives it. Without a policy, a person is asked. */
export function firstAnswer(plan: Document<Plan>, site: string, policy: Policy | undefined, now: Date): Consent {
  const terms = termsOf(plan.value);
  const asked: Consent = {
    schema: 'fedcardio.consent/1',
    site,
    campaign: plan.value.campaign.id,
    plan: plan.sha256,
    state: 'asked',
    at: now.toISOString(),
    by: POLICY,
    terms,
    limits: policy?.limits ?? limitsSchema.parse({}),
    until: null,
  };
  if (policy?.mode === 'never') return { ...asked, state: 'declined' };
  if (policy?.mode !== 'standing') return asked;
  const reason = ruleBroken(terms, policy.rules) ?? noiseFault(plan.value);
  return reason === undefined ? { ...asked, state: 'agreed', until: endOf(policy, now) } : { ...asked, reason };
}

/** Why the noise of a plan is not what its ε says; undefined if it is. */
function noiseFault({ campaign }: Plan): string | undefined {
  try {
    requirePlannedNoise(campaign);
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}

/** When a consent that is given now ends; null if never. */
export const endOf = (policy: Policy | undefined, now: Date): string | null =>
  policy?.days === undefined ? null : new Date(now.getTime() + policy.days * 86_400_000).toISOString();

/** Whether a consent has a time to end that is over. */
export const isOver = ({ until }: Pick<Consent, 'until'>, now: Date): boolean =>
  until !== null && now >= new Date(until);

/** Whether a site that answers so takes no part. `ended`: agreed until a time that is over. */
export const isRefusal = (state: Consent['state'] | 'ended' | undefined): boolean =>
  state === 'declined' || state === 'withdrawn' || state === 'ended';

/**
 * Why nothing may start or leave under a consent; undefined if it is in force. `undefined` as state: nobody has answered.
 *
 * @param plan SHA-256 of the plan that it is needed for; any by default
 */
export function obstacleOf(consent: Consent | undefined, now: Date, plan = consent?.plan): string | undefined {
  switch (consent?.state) {
    case undefined:
    case 'asked':
      return 'has not answered yet whether it agrees to the campaign';
    case 'declined':
      return 'has declined the campaign';
    case 'withdrawn':
      return 'has withdrawn its consent to the campaign';
    case 'agreed':
      if (consent.plan !== plan) return 'agreed to another plan of the campaign';
      return isOver(consent, now) ? `agreed to the campaign until ${consent.until}` : undefined;
  }
}
