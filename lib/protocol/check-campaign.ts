import { strategyOf } from '../aggregation/strategies/strategies.ts';
import { describeError, isFedcardioError } from '../error.ts';
import { type Campaign, kindOf, type Plan, type Stage, type Summary } from '../federation/schemas.ts';
import { type Task, taskOf } from '../federation/tasks.ts';
import { nearest } from '../nearest.ts';
import { budgetWarnings } from './budget-warnings.ts';
import { confidenceWarnings } from './confidence-warnings.ts';
import { noiseWarnings } from './noise-warnings.ts';
import { openRound, type Participant } from './opening.ts';
import { isFor, learns, planCampaign } from './plan.ts';
import { planWarnings } from './plan-warnings.ts';
import { impossibilityOf, secureTermsOf } from './secure/terms.ts';
import { thresholdWarnings } from './threshold-warnings.ts';

/** What is wrong with a campaign that is about to be started. */
export interface Finding {
  /** `error`: the campaign would fail. `warning`: it would run, but perhaps not as intended. */
  readonly level: 'error' | 'warning';
  readonly text: string;
}

/** A stage and the sites that would take part if it began now. */
export interface CheckedStage {
  readonly stage: Stage;
  readonly participants: readonly Participant[];
}

export interface CampaignCheck {
  /** Whether the coordinator could plan it. Nothing of a stage can be estimated otherwise. */
  readonly isPlanned: boolean;
  readonly findings: readonly Finding[];
  /** Empty without counts. */
  readonly stages: readonly CheckedStage[];
}

/** What is known of the federation. */
export interface CheckedAgainst {
  readonly tasks: readonly Task[];
  readonly minSites?: number | undefined;
  /** The federation's sites; undefined if only the sites with counts are known. */
  readonly sites?: readonly string[] | undefined;
  /** Counts of the sites; undefined if they were not read. */
  readonly counts?: ReadonlyMap<string, Pick<Summary, 'cases' | 'labelled'>> | undefined;
}

/**
 * Checks what the schema cannot: tasks, networks, sites, labels, quorum and strategies. It makes the same plan and opens the same
 * first rounds as the coordinator would.
 */
export function checkCampaign(campaign: Campaign, against: CheckedAgainst, now: Date): CampaignCheck {
  const { tasks, minSites, counts } = against;
  const unknown = unknownTasks(campaign, tasks);
  if (unknown.length > 0) return { isPlanned: false, findings: unknown, stages: [] };
  const sites = against.sites ?? [...(counts?.keys() ?? [])];
  const plan = plannedOrWhy(campaign, { tasks, minSites, sites }, now);
  if (typeof plan === 'string') return { isPlanned: false, findings: [{ level: 'error', text: plan }], stages: [] };
  const stages = counts
    ? plan.campaign.stages.map((stage) => ({ stage, participants: ableOf(stage, sites, counts) }))
    : [];
  const able = new Map(stages.map(({ stage, participants }) => [stage.name, participants]));
  const impossible = plan.campaign.stages.flatMap((stage) => {
    const text = tooFewSites(stage, sites) ?? impossibility(plan, stage, able.get(stage.name), now);
    return text === undefined ? [] : [{ stage: stage.name, text }];
  });
  const failing = new Set(impossible.map(({ stage }) => stage));
  const others = { ...plan.campaign, stages: plan.campaign.stages.filter(({ name }) => !failing.has(name)) };
  return {
    isPlanned: true,
    findings: [
      ...impossible.map(({ text }) => ({ level: 'error' as const, text })),
      ...unknownSites(campaign, sites, against.sites !== undefined),
      ...[
        ...planWarnings(others, sites),
        ...confidenceWarnings(plan),
        ...thresholdWarnings(plan),
        ...budgetWarnings(others),
        ...noiseWarnings(plan),
      ].map((text) => ({
        level: 'warning' as const,
        text,
      })),
    ],
    stages,
  };
}

/** The campaign's plan, or why it cannot be planned. */
function plannedOrWhy(
  campaign: Campaign,
  terms: Pick<CheckedAgainst, 'tasks' | 'minSites' | 'sites'>,
  now: Date,
): Plan | string {
  try {
    return planCampaign(campaign.id, { value: campaign, sha256: '' }, now, terms);
  } catch (error) {
    if (!isFedcardioError(error, 'BAD_CONFIGURATION')) throw error;
    return describeError(error);
  }
}

/** The sites that have what a stage needs and are asked, with their usable cases. */
const ableOf = (stage: Stage, sites: readonly string[], counts: NonNullable<CheckedAgainst['counts']>): Participant[] =>
  [...sites].sort().flatMap((site) => {
    const summary = counts.get(site);
    const samples = summary && isFor(stage, site) ? kindOf(stage).samples(stage, summary) : 0;
    return samples > 0 ? [{ site, samples, summary: '' }] : [];
  });

/** Why a stage can never have the sites that it needs; undefined if no site is known. */
function tooFewSites(stage: Stage, sites: readonly string[]): string | undefined {
  const { minSites } = stage.quorum;
  if (sites.length > 0 && minSites > sites.length) {
    return `Stage ${stage.name} needs ${minSites} sites; the federation has ${sites.length}.`;
  }
  return stage.sites && minSites > stage.sites.length
    ? `Stage ${stage.name} needs ${minSites} sites, but asks only ${stage.sites.join(', ')}.`
    : undefined;
}

/** Why the stage's first round could not open or close with these participants; undefined if they are not known. */
function impossibility(
  plan: Plan,
  stage: Stage,
  able: readonly Participant[] | undefined,
  now: Date,
): string | undefined {
  if (!able) return undefined;
  const at = { campaign: plan.campaign.id, stage: stage.name, round: 1 };
  const opening = openRound(at, { plan, planSha256: '', previous: undefined, able: [...able] }, now);
  if (opening.kind === 'impossible') return opening.reason;
  const terms = secureTermsOf(plan.campaign, stage);
  const masked = terms && learns(stage) ? impossibilityOf({ stage, terms }, able.length) : undefined;
  if (masked !== undefined)
    return `Stage ${stage.name} cannot begin: ${able.length} sites have its data, and ${masked}.`;
  const merged = learns(stage) ? strategyOf(stage.aggregation).impossible?.(able.length) : undefined;
  return merged === undefined
    ? undefined
    : `Every round of ${stage.name} will fail with ${able.length} sites. ${merged}`;
}

function unknownTasks({ stages }: Campaign, tasks: readonly Task[]): readonly Finding[] {
  const named = new Set(stages.flatMap((stage) => kindOf(stage).tasks(stage)));
  return [...named].flatMap((id) => {
    try {
      taskOf(tasks, id);
      return [];
    } catch (error) {
      return [{ level: 'error' as const, text: describeError(error) }];
    }
  });
}

/** Sites that a stage names and the federation lacks. Without `federation.json` a site may only not have sent counts yet. */
function unknownSites({ stages }: Campaign, sites: readonly string[], isComplete: boolean): readonly Finding[] {
  if (sites.length === 0) return [];
  const named = new Set(stages.flatMap((stage) => stage.sites ?? []));
  return [...named]
    .filter((site) => !sites.includes(site))
    .map((site) => {
      const near = nearest(site, sites);
      const what = isComplete ? 'The federation has no site' : 'No counts have come from a site';
      return {
        level: isComplete ? ('error' as const) : ('warning' as const),
        text: `${what} "${site}".${near === undefined ? '' : ` Did you mean "${near}"?`}`,
      };
    });
}
