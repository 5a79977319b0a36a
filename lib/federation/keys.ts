import type { z } from 'zod';
import type { TaskId } from './tasks.ts';
import { isTaskId } from './tasks.ts';

/**
 * Every object key of fedcardio is made and parsed here, nowhere else. A site bucket holds what stays in the hospital,
 * the federation bucket holds weights and counts. The brands keep a key of one bucket from being used on the other.
 */
export type FederationKey = string & z.$brand<'FederationKey'>;
export type SiteKey = string & z.$brand<'SiteKey'>;

const siteKey = (key: string) => key as SiteKey;
const federationKey = (key: string) => key as FederationKey;

/** How a hospital marks what a case is for: the first folder of its key. Held-out cases are never trained on. */
export const CASE_FOLDERS = { training: 'cases', evaluation: 'held-out' } as const;
export type CaseUse = keyof typeof CASE_FOLDERS;

export interface CaseObject {
  readonly use: CaseUse;
  readonly caseId: string;
  /** `image`, or the label of a task. `unknown` is anything else in a case's folder. */
  readonly part:
    | { readonly kind: 'image' }
    | { readonly kind: 'label'; readonly task: TaskId; readonly format: 'class-map' | 'markups' }
    | { readonly kind: 'unknown'; readonly name: string };
}

export const siteKeys = {
  /** The key of an object that an event of a site bucket names. */
  ofEvent: siteKey,
  /** `start` is a case id with a slash, or the first letters of several ids. */
  casePrefix: (folder: (typeof CASE_FOLDERS)[CaseUse], start: string) => siteKey(`${folder}/${start}`),
  image: (use: CaseUse, caseId: string) => siteKey(`${CASE_FOLDERS[use]}/${caseId}/image.nii.gz`),
  label: (use: CaseUse, caseId: string, task: TaskId) =>
    siteKey(`${CASE_FOLDERS[use]}/${caseId}/labels/${task}.nii.gz`),
  markups: (use: CaseUse, caseId: string, task: TaskId) =>
    siteKey(`${CASE_FOLDERS[use]}/${caseId}/labels/${task}.mrk.json`),
  catalogPrefix: siteKey('catalog/'),
  catalog: (caseId: string) => siteKey(`catalog/${caseId}.json`),
  rejectedPrefix: siteKey('rejected/'),
  rejected: (caseId: string) => siteKey(`rejected/${caseId}.json`),
  /** One small object per distinct image content: finds the same volume uploaded as two cases. */
  content: (sha256: string) => siteKey(`content/${sha256}.json`),
  pseudoLabels: ({ campaign, stage }: StageAddress, task: TaskId) =>
    siteKey(`pseudo-labels/${campaign}/${stage}/${task}/`),
  pseudoLabel: (at: StageAddress, task: TaskId, caseId: string) =>
    siteKey(`${siteKeys.pseudoLabels(at, task)}${caseId}.nii.gz`),
  /** The teacher's class probabilities, where the stage keeps them. */
  softLabel: (at: StageAddress, task: TaskId, caseId: string) =>
    siteKey(`${siteKeys.pseudoLabels(at, task)}${caseId}.safetensors`),
  pseudoLabelReport: (at: StageAddress, task: TaskId, caseId: string) =>
    siteKey(`${siteKeys.pseudoLabels(at, task)}${caseId}.json`),
  prediction: (campaign: string, model: string, task: TaskId, caseId: string) =>
    siteKey(`predictions/${campaign}/${model}/${caseId}/${task}.nii.gz`),
  /** Which Batch job a round's task became: claimed before it is submitted. */
  job: ({ campaign, stage, round }: RoundAddress) => siteKey(`jobs/${campaign}/${stage}/${roundName(round)}.json`),
  optimizer: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`checkpoints/${campaign}/${stage}/${roundName(round)}/optimizer.safetensors`),
  /** The parameters of a model that never leave the site. */
  localParameters: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`checkpoints/${campaign}/${stage}/${roundName(round)}/local.safetensors`),
  /** Of what only matters while a task runs. */
  unfinishedPrefix: siteKey('unfinished/'),
  /** Where a task is within a round. */
  unfinished: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`unfinished/${campaign}/${stage}/${roundName(round)}.safetensors`),
} as const;

export const federationKeys = {
  summaryPrefix: federationKey('sites/'),
  summary: (site: string) => federationKey(`sites/${site}/summary.json`),
  campaign: (campaign: string) => federationKey(`campaigns/${campaign}/campaign.json`),
  plan: (campaign: string) => federationKey(`campaigns/${campaign}/plan.json`),
  /** Whether it is paused. */
  control: (campaign: string) => federationKey(`campaigns/${campaign}${CONTROL_SUFFIX}`),
  /** Terminal state of a campaign: completed, failed or cancelled, with the reason. */
  outcome: (campaign: string) => federationKey(`campaigns/${campaign}/outcome.json`),
  campaignsPrefix: federationKey('campaigns/'),
  campaignPrefix: (campaign: string) => federationKey(`campaigns/${campaign}/`),
  stagePrefix: (at: StageAddress) => federationKey(`campaigns/${at.campaign}/${at.stage}/`),
  round: (at: RoundAddress) => federationKey(`campaigns/${at.campaign}/${at.stage}/${roundName(at.round)}/`),
  open: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}open.json`),
  /** When the round's task messages were last sent; rewritten with every sending. */
  sent: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}sent.json`),
  updates: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}updates/`),
  siteUpdates: (at: RoundAddress, site: string) => federationKey(`${federationKeys.updates(at)}${site}/`),
  updateWeights: (at: RoundAddress, site: string, sha256: string) =>
    federationKey(`${federationKeys.siteUpdates(at, site)}${sha256}.safetensors`),
  /** Written after the weights: an update is visible when this is. The suffix is what the notification filters on. */
  update: (at: RoundAddress, site: string, id: string) =>
    federationKey(`${federationKeys.siteUpdates(at, site)}${id}${UPDATE_SUFFIX}`),
  /** Beside an update that can never be merged. */
  refusal: (updateKey: FederationKey) => federationKey(`${updateKey.slice(0, -UPDATE_SUFFIX.length)}${REFUSAL_SUFFIX}`),
  weightsBeside: (updateKey: FederationKey) =>
    federationKey(`${updateKey.slice(0, -UPDATE_SUFFIX.length)}.safetensors`),
  /** Which Batch job the round's merge became, where it is too large for a function. */
  mergeJob: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}merge-job.json`),
  lease: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}lease.json`),
  seal: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}seal.json`),
  commit: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}commit.json`),
  /**
   * Named by the digest of the updates that it merges: whoever merges them, and however often, writes the same bytes
   * here, and a merge that was overtaken by another seal overwrites nothing.
   */
  global: (at: RoundAddress, inputs: string) =>
    federationKey(`${federationKeys.round(at)}global-${inputs}.safetensors`),
  /** The server optimiser's moments, named as the model that they belong to. */
  state: (at: RoundAddress, inputs: string) => federationKey(`${federationKeys.round(at)}state-${inputs}.safetensors`),
  /** Weights from elsewhere that a stage starts from. */
  init: (campaign: string, sha256: string) => federationKey(`campaigns/${campaign}/init/${sha256}.safetensors`),
} as const;

/** In the place of an update's hash: the listing alone tells that the task failed. */
export const FAILED_ID = 'failed';
export const UPDATE_SUFFIX = '.update.json';
const REFUSAL_SUFFIX = '.refusal.json';
export const CAMPAIGN_SUFFIX = '/campaign.json';
export const CONTROL_SUFFIX = '/control.json';
export const COMMIT_SUFFIX = '/commit.json';

/** `stage` may hold one slash: `teacher/hinge-points`. */
export interface StageAddress {
  readonly campaign: string;
  readonly stage: string;
}

/** Rounds count from 1. */
export interface RoundAddress extends StageAddress {
  readonly round: number;
}

/** Rounds sort in byte order: `0001`, `0002`, … */
const roundName = (round: number): string => String(round).padStart(4, '0');

const CASE_KEY = /^(cases|held-out)\/([^/]+)\/(.+)$/;

/** What an object in a site bucket is, or undefined when it is not part of a case. */
export function parseCaseKey(key: string): CaseObject | undefined {
  const match = CASE_KEY.exec(key);
  if (!match) return undefined;
  const [, folder, caseId, rest] = match as unknown as [string, string, string, string];
  const use: CaseUse = folder === CASE_FOLDERS.training ? 'training' : 'evaluation';
  if (rest === 'image.nii.gz' || rest === 'image.nii') return { use, caseId, part: { kind: 'image' } };
  const label = /^labels\/([^/]+?)\.(nii\.gz|mrk\.json)$/.exec(rest);
  const task = label?.[1];
  if (label && task !== undefined && isTaskId(task)) {
    return { use, caseId, part: { kind: 'label', task, format: label[2] === 'nii.gz' ? 'class-map' : 'markups' } };
  }
  return { use, caseId, part: { kind: 'unknown', name: rest } };
}

/** Stages, sites and rounds may all be digits, so that only what may follow the round tells where it is. */
const ROUND_KEY = /^campaigns\/([^/]+)\/([^/]+(?:\/[^/]+)?)\/(\d{4,})\/((?:updates\/[^/]+\/)?[^/]+)$/;

/** The round that an object in the federation bucket belongs to and its name within it. */
export function parseRoundKey(key: string): { readonly at: RoundAddress; readonly rest: string } | undefined {
  const match = ROUND_KEY.exec(key);
  if (!match) return undefined;
  const [, campaign, stage, digits, rest] = match as unknown as [string, string, string, string, string];
  const round = Number(digits);
  return round >= 1 && roundName(round) === digits ? { at: { campaign, stage, round }, rest } : undefined;
}

/** The campaign that any object below `campaigns/` belongs to. */
export const parseCampaignKey = (key: string): string | undefined => /^campaigns\/([^/]+)\//.exec(key)?.[1];

/** Site and id of an update's metadata object within its round, from {@link parseRoundKey}'s `rest`. */
export function parseUpdateName(rest: string): { readonly site: string; readonly id: string } | undefined {
  const match = /^updates\/([^/]+)\/([^/]+)\.update\.json$/.exec(rest);
  return match ? { site: match[1] as string, id: match[2] as string } : undefined;
}
