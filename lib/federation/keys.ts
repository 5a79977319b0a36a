import type { z } from 'zod';
import { sha256Hex } from '../json.ts';
import { shownName } from './case-names.ts';
import type { TaskId } from './tasks.ts';

/**
 * Builds and parses every object key. A site bucket holds the data that stay in the hospital, the federation bucket
 * weights and counts. The brands keep a key of one bucket from being used on the other.
 */
export type FederationKey = string & z.$brand<'FederationKey'>;
/** Key of an object in a site bucket. */
export type SiteKey = string & z.$brand<'SiteKey'>;

const siteKey = (key: string) => key as SiteKey;
const federationKey = (key: string) => key as FederationKey;

/** First folder of a case's key, by its use. Held-out cases are never trained on. */
export const CASE_FOLDERS = { training: 'cases', evaluation: 'held-out' } as const;
/** Whether a case is for training or held out for evaluation. */
export type CaseUse = keyof typeof CASE_FOLDERS;

/** The file that a key in a case's folder names. */
export interface CaseObject {
  readonly use: CaseUse;
  readonly caseId: string;
  /** `unknown` is any other file in a case's folder. */
  readonly part:
    | { readonly kind: 'image' }
    | { readonly kind: 'label'; readonly task: TaskId; readonly format: 'class-map' | 'markups' }
    | { readonly kind: 'unknown'; readonly name: string };
}

/** Keys and prefixes of a site bucket. */
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
  /** Of a case whose name may be a patient's, under a hash of it. */
  rejected: (caseId: string) => siteKey(`rejected/${shownName(caseId)}.json`),
  /** Where earlier releases wrote the rejection of such a case. */
  rejectedByName: (caseId: string) => siteKey(`rejected/${caseId}.json`),
  strayPrefix: siteKey('rejected/strays/'),
  /** The rejection of an object outside any case. Named after its whole key: several may have one file name. */
  rejectedStray: (key: string) => siteKey(`${siteKeys.strayPrefix}${sha256Hex(key).slice(0, 16)}.json`),
  /** Records of withdrawals, by a hash of the case's name. */
  withdrawnPrefix: siteKey('withdrawn/'),
  withdrawn: (caseId: string) => siteKey(`withdrawn/${caseHash(caseId)}.json`),
  /** Which cases went into what the site sent for a round. */
  lineagePrefix: siteKey('lineage/'),
  lineage: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`lineage/${campaign}/${stage}/${roundName(round)}.json`),
  /** What the site sent to the federation bucket for a round. */
  sentPrefix: siteKey('sent/'),
  sent: ({ campaign, stage, round }: RoundAddress) => siteKey(`sent/${campaign}/${stage}/${roundName(round)}.json`),
  /** How the site decides on campaigns. */
  policy: siteKey('policy.json'),
  consentPrefix: siteKey('consents/'),
  /** The site's answer to a campaign, which decides. */
  consent: (campaign: string) => siteKey(`consents/${campaign}.json`),
  /** What every round has revealed about the site, for its budget. */
  ledger: siteKey('privacy/ledger.json'),
  /** The secret that the site draws its noise from. */
  privacySecret: siteKey('privacy/secret.json'),
  derivedPrefixes: [siteKey('pseudo-labels/'), siteKey('predictions/')],
  /** What the last rescan left settled. */
  examined: siteKey('rescan/examined.json'),
  /** One object per distinct image content, to find a volume that is uploaded as two cases. */
  contentPrefix: siteKey('content/'),
  content: (fingerprint: string) => siteKey(`content/${fingerprint}.json`),
  pseudoLabels: ({ campaign, stage }: StageAddress, task: TaskId) =>
    siteKey(`pseudo-labels/${campaign}/${stage}/${task}/`),
  pseudoLabel: (at: StageAddress, task: TaskId, caseId: string) =>
    siteKey(`${siteKeys.pseudoLabels(at, task)}${caseId}.nii.gz`),
  /** The teacher's class probabilities, if the stage keeps them. */
  softLabel: (at: StageAddress, task: TaskId, caseId: string) =>
    siteKey(`${siteKeys.pseudoLabels(at, task)}${caseId}.safetensors`),
  pseudoLabelReport: (at: StageAddress, task: TaskId, caseId: string) =>
    siteKey(`${siteKeys.pseudoLabels(at, task)}${caseId}.json`),
  prediction: (campaign: string, model: string, task: TaskId, caseId: string) =>
    siteKey(`predictions/${campaign}/${modelFolder(model)}/${caseId}/${task}.nii.gz`),
  /** The Batch job of a round's GPU task. Claimed before it is submitted. */
  job: ({ campaign, stage, round }: RoundAddress) => siteKey(`jobs/${campaign}/${stage}/${roundName(round)}.json`),
  /** What a stage carries from round to round. */
  checkpointPrefix: ({ campaign, stage }: StageAddress) => siteKey(`checkpoints/${campaign}/${stage}/`),
  optimizer: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`checkpoints/${campaign}/${stage}/${roundName(round)}/optimizer.safetensors`),
  /** The model's parameters that never leave the site. */
  localParameters: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`checkpoints/${campaign}/${stage}/${roundName(round)}/local.safetensors`),
  /** The Ed25519 key that other sites know the site by. */
  signingKey: siteKey('identity/signing-key.json'),
  /** The identity of another site, as it was first seen. */
  knownSitesPrefix: siteKey('identity/known/'),
  knownSite: (site: string) => siteKey(`identity/known/${site}.json`),
  /** What the site's masks of a campaign follow from. */
  campaignSecret: (campaign: string) => siteKey(`secure/${campaign}/secret.json`),
  /** What the site keeps of a stage: cohorts, and its rounds. */
  securePrefix: ({ campaign, stage }: StageAddress) => siteKey(`secure/${campaign}/${stage}/`),
  /** A cohort of a stage, as the site has first seen it. */
  knownCohort: (at: SetupAddress) => siteKey(`${siteKeys.securePrefix(at)}${at.attempt}/cohort.json`),
  /** The cohort that the site has masked an update for: it masks for no other one of the stage. */
  maskedCohort: (at: StageAddress) => siteKey(`${siteKeys.securePrefix(at)}masked-cohort.json`),
  /** The one list of survivors that the site has endorsed in a round. */
  endorsedList: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`secure/${campaign}/${stage}/${roundName(round)}/endorsed.json`),
  /** That the site has sent a masked update. */
  sentMaskedPrefix: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`secure/${campaign}/${stage}/${roundName(round)}/sent-`),
  sentMasked: (at: RoundAddress, commitment: string) => siteKey(`${siteKeys.sentMaskedPrefix(at)}${commitment}.json`),
  /** Prefix of in-round checkpoints. */
  unfinishedPrefix: siteKey('unfinished/'),
  /** Written, read and deleted by `fedcardio doctor`, below a prefix that expires. */
  doctor: (id: string) => siteKey(`unfinished/doctor/${id}`),
  /** A GPU task's checkpoint within a round. */
  unfinished: ({ campaign, stage, round }: RoundAddress) =>
    siteKey(`unfinished/${campaign}/${stage}/${roundName(round)}.safetensors`),
} as const;

/** Keys and prefixes of the federation bucket. */
export const federationKeys = {
  /** Definitions of the federation's tasks. */
  tasks: federationKey('tasks.json'),
  /** Written, read and deleted by `fedcardio doctor`. */
  doctor: (id: string) => federationKey(`doctor/${id}`),
  summaryPrefix: federationKey('sites/'),
  summary: (site: string) => federationKey(`sites/${site}/summary.json`),
  /** Copy of a site's answer to a campaign, for the coordinator. */
  consent: (site: string, campaign: string) => federationKey(`sites/${site}/consents/${campaign}${CONSENT_SUFFIX}`),
  /** Tells the coordinator which of a site's updates learnt from a case that was withdrawn, by a random id. */
  withdrawal: (site: string, id: string) => federationKey(`sites/${site}/withdrawals/${id}.json`),
  campaign: (campaign: string) => federationKey(`campaigns/${campaign}/campaign.json`),
  plan: (campaign: string) => federationKey(`campaigns/${campaign}/plan.json`),
  /** The campaign's pauses. */
  control: (campaign: string) => federationKey(`campaigns/${campaign}${CONTROL_SUFFIX}`),
  /** Terminal state of a campaign: completed, failed or cancelled, with the reason. */
  outcome: (campaign: string) => federationKey(`campaigns/${campaign}/outcome.json`),
  campaignsPrefix: federationKey('campaigns/'),
  campaignPrefix: (campaign: string) => federationKey(`campaigns/${campaign}/`),
  stagePrefix: (at: StageAddress) => federationKey(`campaigns/${at.campaign}/${at.stage}/`),
  round: (at: RoundAddress) => federationKey(`campaigns/${at.campaign}/${at.stage}/${roundName(at.round)}/`),
  open: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}open.json`),
  /** When the round's GPU task messages were last sent. Rewritten with every sending. */
  sent: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}sent.json`),
  /** What a site sends for a round. The site comes first, so that a policy names it without a wildcard before it. */
  siteUpdates: (at: RoundAddress, site: string) =>
    federationKey(`${federationKeys.campaignUpdates(at.campaign, site)}${at.stage}/${roundName(at.round)}/`),
  /** What a site sends for a campaign. */
  campaignUpdates: (campaign: string, site: string) => federationKey(`${UPDATES_PREFIX}${site}/${campaign}/`),
  updateWeights: (at: RoundAddress, site: string, sha256: string) =>
    federationKey(`${federationKeys.siteUpdates(at, site)}${sha256}.safetensors`),
  /** Written after the weights: makes the update visible. The notification filters on the suffix. */
  update: (at: RoundAddress, site: string, id: string) =>
    federationKey(`${federationKeys.siteUpdates(at, site)}${id}${UPDATE_SUFFIX}`),
  /** Marks an update that can never be merged. Has the same prefix as the update. */
  refusal: (updateKey: FederationKey) => federationKey(`${updateKey.slice(0, -UPDATE_SUFFIX.length)}${REFUSAL_SUFFIX}`),
  weightsBeside: (updateKey: FederationKey) =>
    federationKey(`${updateKey.slice(0, -UPDATE_SUFFIX.length)}.safetensors`),
  /** The sites that are asked for keys before the first round of a stage with secure aggregation. */
  setup: (at: SetupAddress) => federationKey(`${setupFolder(at)}${at.attempt}/sites.json`),
  cohort: (at: SetupAddress) => federationKey(`${setupFolder(at)}${at.attempt}/cohort.json`),
  /** When the sites were last asked for a short answer. Rewritten. */
  asked: (at: StepAddress) => federationKey(`${isRound(at) ? federationKeys.round(at) : setupFolder(at)}asked.json`),
  /** A site's short answer. */
  stepAnswer: (at: StepAddress, site: string, step: string) => {
    const folder = isRound(at)
      ? federationKeys.siteUpdates(at, site)
      : `${federationKeys.campaignUpdates(at.campaign, site)}${at.stage}/setup/${at.attempt ?? 1}/`;
    return federationKey(`${folder}${step}${STEP_SUFFIX}`);
  },
  survivors: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}survivors.json`),
  endorsed: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}endorsed.json`),
  opened: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}opened.json`),
  /** Sum of masked updates, and the mean without masks, named after the digest of the updates. */
  maskedSum: (at: RoundAddress, inputs: string) =>
    federationKey(`${federationKeys.round(at)}sum-${inputs}.safetensors`),
  mean: (at: RoundAddress, inputs: string) => federationKey(`${federationKeys.round(at)}mean-${inputs}.safetensors`),
  /** The Batch job of a merge that is too large for a function. */
  mergeJob: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}merge-job.json`),
  lease: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}lease.json`),
  /** The seed of the round's noise. No site can read it. */
  noise: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}noise.json`),
  seal: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}seal.json`),
  commit: (at: RoundAddress) => federationKey(`${federationKeys.round(at)}commit.json`),
  /** What a round merged, for all sites. The coordinator's own files of the round are apart, below {@link round}. */
  models: (at: RoundAddress) => federationKey(`models/${at.campaign}/${at.stage}/${roundName(at.round)}/`),
  /**
   * Named after the digest of the merged updates. Repeated merges of the same updates therefore write the same bytes
   * here, and a merge that loses against another seal overwrites nothing.
   */
  global: (at: RoundAddress, inputs: string) => federationKey(`${federationKeys.models(at)}${inputs}.safetensors`),
  /** What all sites start a stage's first round from, with differential privacy: its updates are differences from this. */
  start: (at: RoundAddress) => federationKey(`${federationKeys.models(at)}start.safetensors`),
  /** Names the round's global model to the sites, which cannot read the commit. */
  merged: (at: RoundAddress) => federationKey(`${federationKeys.models(at)}merged.json`),
  /** The server optimiser's moments, named after the same digest as their model. */
  state: (at: RoundAddress, inputs: string) => federationKey(`${federationKeys.round(at)}state-${inputs}.safetensors`),
  /** Imported weights that a stage starts from. */
  init: (campaign: string, sha256: string) => federationKey(`init/${campaign}/${sha256}.safetensors`),
} as const;

/** A model's name may be any text. Whoever finds names of cases in keys must know where the name of the model ends. */
const modelFolder = (model: string): string =>
  /^\w[\w.-]{0,99}(?:\/\w[\w.-]{0,99})?$/.test(model)
    ? model
    : `${model.replace(/[^\w.-]+/g, '-').slice(0, 100)}-${sha256Hex(model).slice(0, 8)}`;

/** Before the first round of a stage. No round and no stage has this name below another stage's rounds. */
const setupFolder = ({ campaign, stage }: StageAddress) => `campaigns/${campaign}/${stage}/setup/`;
const isRound = (at: StepAddress): at is StepAddress & RoundAddress => at.round !== undefined;

/** A case in the ledger, and in the key of the record of its withdrawal, which do not repeat its name. */
export const caseHash = (caseId: string): string => sha256Hex(`withdrawn/${caseId}`).slice(0, 16);

/** The case that a pseudo-label, its report or a prediction was derived from; undefined for any other key. */
export function derivedCaseOf(key: string): string | undefined {
  const pseudoLabel = /^pseudo-labels\/.+\/([^/]+)\.(?:nii\.gz|safetensors|json)$/.exec(key);
  return pseudoLabel?.[1] ?? /^predictions\/[^/]+\/.+\/([^/]+)\/[^/]+\.nii\.gz$/.exec(key)?.[1];
}

/** Prefix of all that sites send, each below a folder of its own. */
export const UPDATES_PREFIX = 'updates/';
/** Replaces an update's hash in its key, so that a listing shows that the GPU task failed. */
export const FAILED_ID = 'failed';
export const UPDATE_SUFFIX = '.update.json';
const REFUSAL_SUFFIX = '.refusal.json';
export const CAMPAIGN_SUFFIX = '/campaign.json';
export const CONSENT_SUFFIX = '.consent.json';
export const CONTROL_SUFFIX = '/control.json';
export const COMMIT_SUFFIX = '/commit.json';
/** Of short answers in secure aggregation, and of what the coordinator makes of them. */
export const STEP_SUFFIX = '.step.json';
export const SURVIVORS_SUFFIX = '/survivors.json';
export const OPENED_SUFFIX = '/opened.json';

/** `stage` may contain one slash: `teacher/hinge-points`. */
export interface StageAddress {
  readonly campaign: string;
  readonly stage: string;
}

/** Rounds count from 1. */
export interface RoundAddress extends StageAddress {
  readonly round: number;
}

/** An attempt to set a stage up for secure aggregation, from 1. Each has fewer sites than the one before. */
export interface SetupAddress extends StageAddress {
  readonly attempt: number;
}

/** What sites give short answers to: a stage, an attempt to set it up, or a round. */
export interface StepAddress extends StageAddress {
  readonly attempt?: number | undefined;
  readonly round?: number | undefined;
}

/** Rounds sort in byte order: `0001`, `0002`, … */
const roundName = (round: number): string => String(round).padStart(4, '0');

/** Files and folders that macOS, Windows and Synology's file servers put beside the user's files. */
const SYSTEM_FILES =
  /^(\.ds_store|\.appledouble|\.spotlight-v100|\.trashes|\.fseventsd|\.temporaryitems|\.directory|__macosx|(eh)?thumbs\.db|desktop\.ini|\$recycle\.bin|system volume information|@eadir)$/i;

/** Whether nobody meant to upload an object: a folder that a storage console created, or an operating system's file. */
export function isPassedOver(key: string): boolean {
  const names = key.split('/');
  const last = names.at(-1) as string;
  return last === '' || last.startsWith('._') || names.some((name) => SYSTEM_FILES.test(name));
}

/** Of longer names, the keys of the case's documents could exceed S3's 1,024 bytes. */
const CASE_KEY = /^(cases|held-out)\/([^/]{1,255})\/(.+)$/;

/** Whether an object is outside the folders of cases, such as `cases/scan.nii.gz`. */
export const isStrayKey = (key: string): boolean =>
  !parseCaseKey(key) &&
  !isPassedOver(key) &&
  Object.values(CASE_FOLDERS).some((folder) => key.startsWith(`${folder}/`));

/** Parses the key of a case's object; undefined for any other object in a site bucket, and if it {@link isPassedOver}. */
export function parseCaseKey(key: string): CaseObject | undefined {
  const match = isPassedOver(key) ? null : CASE_KEY.exec(key);
  if (!match) return undefined;
  const [, folder, caseId, rest] = match as unknown as [string, string, string, string];
  const use: CaseUse = folder === CASE_FOLDERS.training ? 'training' : 'evaluation';
  if (rest === 'image.nii.gz' || rest === 'image.nii') return { use, caseId, part: { kind: 'image' } };
  const label = /^labels\/([^/]+?)\.(nii(?:\.gz)?|mrk\.json)$/.exec(rest);
  const task = label?.[1];
  if (label && task !== undefined) {
    return { use, caseId, part: { kind: 'label', task, format: label[2] === 'mrk.json' ? 'markups' : 'class-map' } };
  }
  return { use, caseId, part: { kind: 'unknown', name: rest } };
}

/** The objects of a round. Names of stages may be digits only: the number of folders tells which one is the round. */
const ROUND_KEY = /^(campaigns|models|updates\/[^/]+)\/([^/]+)\/([^/]+(?:\/[^/]+)?)\/(\d{4,})\/([^/]+)$/;

/** The round that an object in the federation bucket belongs to, whoever wrote it, and its folders before the campaign. */
function parseRound(key: string) {
  const match = ROUND_KEY.exec(key);
  if (!match) return undefined;
  const [, folder, campaign, stage, digits, name] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const round = Number(digits);
  return round >= 1 && roundName(round) === digits ? { folder, at: { campaign, stage, round }, name } : undefined;
}

/** The round that an object below `campaigns/`, `models/` or `updates/` belongs to. */
export const roundOf = (key: string): RoundAddress | undefined => parseRound(key)?.at;

/** The round that an object of the coordinator belongs to, and the object's name within the round. */
export function parseRoundKey(key: string): { readonly at: RoundAddress; readonly rest: string } | undefined {
  const found = parseRound(key);
  return found?.folder === 'campaigns' ? { at: found.at, rest: found.name } : undefined;
}

/** The site and round of an object that a site sent, and the object's name. `id` if it is an update's metadata. */
export function parseUpdateKey(
  key: string,
):
  | { readonly site: string; readonly at: RoundAddress; readonly name: string; readonly id: string | undefined }
  | undefined {
  const found = parseRound(key);
  if (!found?.folder.startsWith(UPDATES_PREFIX)) return undefined;
  const { folder, at, name } = found;
  const id = name.endsWith(UPDATE_SUFFIX) ? name.slice(0, -UPDATE_SUFFIX.length) : undefined;
  return { site: folder.slice(UPDATES_PREFIX.length), at, name, id: id === '' ? undefined : id };
}

/** The site and campaign of the copy of a consent. */
export function parseConsentKey(key: string): { readonly site: string; readonly campaign: string } | undefined {
  const [, site, campaign] = /^sites\/([^/]+)\/consents\/([^/]+)\.consent\.json$/.exec(key) ?? [];
  return site !== undefined && campaign !== undefined ? { site, campaign } : undefined;
}

/** The site and id of a notice that a case was withdrawn. */
export function parseWithdrawalKey(key: string): { readonly site: string; readonly id: string } | undefined {
  const [, site, id] = /^sites\/([^/]+)\/withdrawals\/([^/]+)\.json$/.exec(key) ?? [];
  return site !== undefined && id !== undefined ? { site, id } : undefined;
}

/** The campaign that an object below `campaigns/`, or of a site below `updates/`, belongs to. */
export const campaignOfKey = (key: string): string | undefined =>
  /^(?:campaigns|updates\/[^/]+)\/([^/]+)\//.exec(key)?.[1];

/** The campaign that an object below `campaigns/` belongs to. */
export const parseCampaignKey = (key: string): string | undefined => /^campaigns\/([^/]+)\//.exec(key)?.[1];
