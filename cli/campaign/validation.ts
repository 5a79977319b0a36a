import { describeError, isOfDocument } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { type Campaign, campaignSchema } from '../../lib/federation/schemas.ts';
import { DEFAULT_TASKS, type Task } from '../../lib/federation/tasks.ts';
import { parseJson, sha256Hex } from '../../lib/json.ts';
import { type CheckedStage, checkCampaign, type Finding } from '../../lib/protocol/check-campaign.ts';
import { learns, modelOf, roundsOf, tasksOf } from '../../lib/protocol/plan.ts';
import { readTasks } from '../../lib/storage/federation-tasks.ts';
import { readSummaries } from '../../lib/storage/summaries.ts';
import { trainingBytes } from '../../lib/training/memory-estimate.ts';
import type { FederationPlace } from '../campaign.ts';
import { estimateCost } from '../cost/estimate.ts';
import { noCostReason } from '../cost/no-cost.ts';
import { PRICES } from '../cost/prices.ts';
import { ASSUMPTIONS } from '../cost/workload.ts';

/** Whether the campaign's id is free, holds these bytes already, or holds others. */
type IdState = 'free' | 'same' | 'used';

export interface Validation {
  readonly campaign: string | undefined;
  /** Undefined if the bucket was not read. */
  readonly id: IdState | undefined;
  readonly findings: readonly Finding[];
  readonly stages: readonly ValidatedStage[];
  /** USD on AWS; undefined without `federation.json`, or with `noCost`. */
  readonly cost: { readonly usd: number; readonly prices: string; readonly casesPerSite: number } | undefined;
  /** Why there is no estimate although there is a `federation.json`, such as a GPU without a price. */
  readonly noCost?: string;
}

interface ValidatedStage {
  readonly stage: string;
  readonly rounds: number;
  /** Sites that would take part now, with their usable cases; undefined if the bucket was not read. */
  readonly sites: readonly { readonly site: string; readonly cases: number }[] | undefined;
  /** Memory that a GPU task's training takes on a CPU beyond its process and CTs, bytes; undefined without training. */
  readonly memoryBytes: number | undefined;
}

export const hasErrors = ({ findings }: Pick<Validation, 'findings'>): boolean =>
  findings.some(({ level }) => level === 'error');

/**
 * Checks a `campaign.json` before its id is used up. Reads the federation bucket: tasks, counts, and the campaign of this
 * id; `offline` reads nothing.
 *
 * @param body the bytes that would be uploaded
 */
export async function validate(
  body: Uint8Array,
  file: string,
  context: FederationPlace,
  offline: boolean,
): Promise<Validation> {
  let campaign: Campaign;
  try {
    campaign = parseJson(body, campaignSchema, file);
  } catch (error) {
    if (!isOfDocument(error)) throw error;
    const findings = [{ level: 'error' as const, text: describeError(error) }];
    return { campaign: undefined, id: undefined, findings, stages: [], cost: undefined };
  }
  const { declared, federationStore } = context;
  const tasks = offline ? (declared?.tasks ?? DEFAULT_TASKS) : await readTasks(context);
  const summaries = offline ? undefined : await readSummaries(federationStore);
  const id = offline ? undefined : await idState(context, campaign.id, body);
  const checked = checkCampaign(
    campaign,
    { tasks, minSites: declared?.minSites, sites: declared?.sites.map((site) => site.id), counts: summaries?.counts },
    context.now(),
  );
  const unreadable = (summaries?.unreadable ?? []).map(({ site, reason }) => ({
    level: 'warning' as const,
    text: `Site ${site} cannot take part: ${reason}`,
  }));
  return {
    campaign: campaign.id,
    id,
    findings: [...(id === 'used' ? [usedUp(campaign.id)] : []), ...checked.findings, ...unreadable],
    stages: checked.isPlanned ? stagesOf(campaign, tasks, checked.stages) : [],
    ...(declared && checked.isPlanned ? costOf({ ...declared, tasks: [...tasks] }, campaign) : { cost: undefined }),
  };
}

async function idState({ federationStore }: FederationPlace, campaign: string, body: Uint8Array): Promise<IdState> {
  const stored = await federationStore.tryGet(federationKeys.campaign(campaign));
  if (!stored) return 'free';
  return sha256Hex(stored.body) === sha256Hex(body) ? 'same' : 'used';
}

export const usedUp = (campaign: string): Finding => ({
  level: 'error',
  text: `The id "${campaign}" is used up: another campaign.json has it. Choose another id.`,
});

function stagesOf(
  campaign: Campaign,
  tasks: readonly Task[],
  checked: readonly CheckedStage[],
): readonly ValidatedStage[] {
  const participants = new Map(checked.map(({ stage, participants }) => [stage.name, participants]));
  return campaign.stages.map((stage) => ({
    stage: stage.name,
    rounds: roundsOf(stage),
    sites: participants.get(stage.name)?.map(({ site, samples }) => ({ site, cases: samples })),
    memoryBytes: learns(stage)
      ? trainingBytes(modelOf(campaign, stage), stage.training, tasksOf({ tasks }, stage), stage.kind === 'probe')
      : undefined,
  }));
}

function costOf(
  federation: NonNullable<FederationPlace['declared']>,
  campaign: Campaign,
): Pick<Validation, 'cost' | 'noCost'> {
  try {
    const { usd } = estimateCost(federation, campaign, ASSUMPTIONS, PRICES).campaign;
    return { cost: { usd, prices: `${PRICES.region}, ${PRICES.asOf}`, casesPerSite: ASSUMPTIONS.casesPerSite } };
  } catch (error) {
    return { cost: undefined, noCost: noCostReason(error) };
  }
}
