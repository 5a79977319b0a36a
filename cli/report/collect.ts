import { mapConcurrently } from '../../lib/async.ts';
import { FedcardioError } from '../../lib/error.ts';
import { type FederationKey, federationKeys, type RoundAddress, siteKeys } from '../../lib/federation/keys.ts';
import type { Federation } from '../../lib/federation/schemas.ts';
import {
  commitSchema,
  openSchema,
  type Plan,
  planSchema,
  rejectedSchema,
  type Score,
  type ScoreComparison,
  type Stage,
  type Summary,
  sealSchema,
  type Update,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { groupBy } from '../../lib/group-by.ts';
import { own } from '../../lib/own.ts';
import { learns } from '../../lib/protocol/plan.ts';
import { reductionsOf } from '../../lib/protocol/reductions.ts';
import type { RoundStatus } from '../../lib/protocol/round-status.ts';
import { type CampaignStatus, campaignStatus } from '../../lib/protocol/status.ts';
import type { WithdrawnSince } from '../../lib/protocol/withdrawals.ts';
import type { CasePrivacyFacts, PrivacyFacts } from '../../lib/report/privacy-text.ts';
import type { CommitReport, RejectedObject, ReportedKind, SiteReport, StageReport } from '../../lib/report/report.ts';
import { reportedEvaluations, reportedScores } from '../../lib/report/scored-cases.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { listDocuments, readJson, tryReadJson } from '../../lib/storage/documents.ts';
import { createListedReader } from '../../lib/storage/listed-reads.ts';
import { readSummaries } from '../../lib/storage/summaries.ts';
import { coverageOf } from './coverage.ts';
import { ifReadable, ifUsable } from './readable.ts';

/** The stored data of a campaign that the report needs. */
export interface CampaignRecord {
  readonly plan: Plan;
  readonly status: CampaignStatus;
  /** Sites whose bucket could not be read. */
  readonly unreadSites: readonly string[];
  /** Answers of committed rounds, merged or not, for the timeline. */
  readonly answers: readonly RecordedAnswer[];
  readonly sites: readonly SiteReport[];
  readonly rejected: readonly RejectedObject[];
  readonly stages: readonly StageReport[];
  /** Scores by site, of the evaluations that are reported. */
  readonly scores: ReadonlyMap<string, readonly Score[]>;
  /** The same for comparisons. */
  readonly comparisons: ReadonlyMap<string, readonly ScoreComparison[]>;
  /** Absent without differential privacy of updates. */
  readonly privacy?: PrivacyFacts;
  /** Absent if no merged update was trained with DP-SGD. */
  readonly casePrivacy?: CasePrivacyFacts;
  readonly backends: readonly string[];
  /** Highest resident memory reported by a GPU task, bytes. */
  readonly peakGpuTaskRss: number;
}

/** A site's answer to a committed round. */
interface RecordedAnswer {
  readonly site: string;
  readonly stage: string;
  readonly round: number;
  readonly at: string;
  /** Duration of the GPU task; absent for a failure. */
  readonly seconds?: number;
  /** Why it was not merged. */
  readonly reason?: string;
}

export interface ReportPlace extends Stores {
  readonly federation: Federation;
  readonly campaign: string;
}

/**
 * Reads everything from the buckets, so a report can be written again at any time, also of a running campaign. Only the
 * federation bucket is needed: a site's own bucket is read where that is allowed.
 *
 * @throws FedcardioError `NOT_FOUND` if the campaign has no plan
 */
export async function collectCampaign(given: ReportPlace): Promise<CampaignRecord> {
  const { campaign, federation, siteStore } = given;
  // Small documents are read twice, for the status and for the report: the second time from memory.
  const reader = createListedReader(given.federationStore);
  const place = { ...given, reader };
  const context = { federation, federationStore: reader, now: () => new Date(), log: () => undefined };
  const status = await campaignStatus(context, campaign);
  const plan = (await tryReadJson(reader, federationKeys.plan(campaign), planSchema))?.value;
  if (!status || !plan) {
    throw new FedcardioError(
      'NOT_FOUND',
      `Campaign ${campaign} has no plan${status?.reason ? `: ${status.reason}` : '.'}`,
      {
        hint: '`fedcardio campaign status` shows its state.',
      },
    );
  }
  const stages = await inOrder(plan.campaign.stages, (stage) => readStage(place, stage, status));
  const updates = stages.flatMap(({ merged }) => merged);
  const reported = new Set(reportedEvaluations(plan.campaign.stages).map(({ name }) => name));
  const results = updates.filter(({ stage }) => reported.has(stage));
  const rejected = await inOrder(federation.sites, async ({ id }) => ({
    site: id,
    objects: await ifReadable(() => readRejected(siteStore(id), id)),
  }));
  const { counts } = await readSummaries(reader);
  return {
    plan,
    status,
    sites: federation.sites.map(({ id, name }) => siteReport(id, name, counts.get(id))),
    rejected: rejected.flatMap(({ objects }) => objects ?? []),
    unreadSites: rejected.flatMap(({ site, objects }) => (objects ? [] : [site])),
    answers: stages.flatMap(({ answers }) => answers),
    stages: stages.map(({ report }) => report),
    scores: bySite(results, reportedScores(plan.campaign.stages)),
    comparisons: bySite(results, ({ comparisons }) => comparisons),
    ...(status.privacy && { privacy: status.privacy }),
    ...casePrivacyOf(updates),
    backends: [...new Set(updates.flatMap(({ backend }) => backend ?? []))],
    peakGpuTaskRss: Math.max(0, ...updates.map(({ peakRss }) => peakRss ?? 0)),
  };
}

/** What DP-SGD has cost each site: ε only grows, so that its largest is the last. */
function casePrivacyOf(updates: readonly MergedUpdate[]): Pick<CampaignRecord, 'casePrivacy'> {
  const stated = updates.flatMap(({ site, stage, dpSgd }) => (dpSgd ? [{ site, stage, ...dpSgd }] : []));
  if (stated.length === 0) return {};
  const sites = [...groupBy(stated, ({ site }) => site)].map(([site, own]) => {
    const { epsilon, delta } = own.reduce((most, one) => (one.epsilon > most.epsilon ? one : most));
    return { site, epsilon, delta };
  });
  return { casePrivacy: { stages: [...new Set(stated.map(({ stage }) => stage))], sites } };
}

/** What the updates of all evaluations hold, by site. */
function bySite<T>(
  updates: readonly MergedUpdate[],
  of: (update: MergedUpdate) => readonly T[] | undefined,
): ReadonlyMap<string, readonly T[]> {
  const found = updates.filter((update) => of(update) !== undefined);
  return new Map(
    [...groupBy(found, ({ site }) => site)].map(([site, own]) => [site, own.flatMap((one) => of(one) ?? [])]),
  );
}

export type MergedUpdate = Extract<Update, { status: 'ok' }>;

const READS_AT_ONCE = 16;

/** A committed round: its seal and commit, and the updates that it merged. */
export async function readMerged(
  reader: Pick<Place['reader'], 'bucket' | 'tryGet'>,
  at: RoundAddress,
  isWanted: (site: string) => boolean = () => true,
) {
  const { value: seal } = await readJson(reader, federationKeys.seal(at), sealSchema);
  const { value: commit, sha256 } = await readJson(reader, federationKeys.commit(at), commitSchema);
  const sites = new Set(commit.sites);
  const wanted = seal.updates.filter(({ site }) => sites.has(site) && isWanted(site));
  const updates = await mapConcurrently(wanted, READS_AT_ONCE, ({ key }) => readJson(reader, key, updateSchema));
  // The site of the seal: an update may name another one, or has become a failure's record since.
  const merged = updates.flatMap(({ value }, index): readonly MergedUpdate[] =>
    value.status === 'ok' && value.site === wanted[index]?.site ? [value] : [],
  );
  return { seal, commit, sha256, merged };
}

interface Place extends ReportPlace {
  readonly reader: ReturnType<typeof createListedReader>;
}

/** A stage's kind as reports name it. */
export const reportedKindOf = (stage: Stage): ReportedKind =>
  stage.kind === 'student' && stage.pseudoLabels === undefined ? 'control' : stage.kind;

interface ReadStage {
  readonly report: StageReport;
  readonly merged: readonly MergedUpdate[];
  readonly answers: readonly RecordedAnswer[];
}

async function readStage(place: Place, stage: Stage, status: CampaignStatus): Promise<ReadStage> {
  const rounds = status.stages.find(({ name }) => name === stage.name)?.rounds ?? [];
  const committed = await inOrder(
    rounds.filter(({ phase }) => phase === 'committed'),
    (round) => readRound(place, stage, round, status.withdrawn),
  );
  return {
    report: {
      name: stage.name,
      kind: reportedKindOf(stage),
      rounds: committed.length,
      participants: [...new Set(committed.flatMap(({ participants }) => participants))],
      commits: committed.map(({ commit }) => commit),
    },
    merged: committed.flatMap(({ merged }) => merged),
    answers: committed.flatMap(({ answers }) => answers),
  };
}

async function readRound(
  { reader, campaign, federation }: Place,
  stage: Stage,
  status: RoundStatus,
  affected: readonly WithdrawnSince[],
) {
  const { round } = status;
  const at = { campaign, stage: stage.name, round };
  const { value: open } = await readJson(reader, federationKeys.open(at), openSchema);
  const { seal, commit, sha256, merged } = await readMerged(reader, at);
  const { clipped, limited } = reductionsOf(open, seal, commit);
  const shortened = shortenedIn(stage, merged);
  const withdrawn = affected.find((one) => one.stage === stage.name && one.round === round)?.cases;
  const report: CommitReport = {
    round,
    at: commit.at,
    key: federationKeys.commit(at),
    sha256,
    samples: commit.samples,
    figures: commit.figures,
    updates: merged.map(({ site, samples, seconds, figures, validation }) => ({
      site,
      samples,
      seconds,
      figures,
      ...(validation && { validation }),
    })),
    ...(commit.validation && { validation: commit.validation }),
    ...(withdrawn !== undefined && { withdrawn }),
    failed: seal.failed.map(({ site, reason }) => ({ site, reason })),
    clipped: clipped.map(({ site, factor }) => ({ site, factor })),
    limited,
    ...(shortened && { shortened }),
    ...(seal.late && { late: seal.late.map(({ site }) => site) }),
    openedAt: open.at,
    coverage: coverageOf(
      status,
      stage,
      open.participants,
      federation.sites.map(({ id }) => id),
    ),
  };
  const answered = merged.map(({ site, at: time, seconds }) => ({ site, stage: stage.name, round, at: time, seconds }));
  const failed = await inOrder(seal.failed, async ({ site, key, reason }) => ({
    site,
    stage: stage.name,
    round,
    at: (await answerTime(reader, key)) ?? seal.at,
    reason,
  }));
  return {
    participants: open.participants.map(({ site }) => site),
    commit: report,
    merged,
    answers: [...answered, ...failed],
  };
}

/** Sites whose seconds were spent before they had made all steps; undefined for a stage without `secondsBudget`. */
function shortenedIn(stage: Stage, merged: readonly MergedUpdate[]): CommitReport['shortened'] {
  if (!learns(stage) || stage.training.secondsBudget === undefined) return undefined;
  const { steps: all } = stage.training;
  return merged.flatMap(({ site, figures }) => {
    const steps = own(figures, 'steps');
    return steps === undefined || steps >= all ? [] : [{ site, steps, of: all }];
  });
}

/** When an answer was written; undefined if it cannot be read, which may be why it was refused. */
const answerTime = async (reader: Place['reader'], key: FederationKey): Promise<string | undefined> =>
  (await ifUsable(() => tryReadJson(reader, key, updateSchema)))?.value.at;

/** A site whose summary is missing, or cannot be read, has no cases in the report. */
function siteReport(id: string, name: string, summary: Summary | undefined): SiteReport {
  const { cases = { training: 0, evaluation: 0, rejected: 0 }, labelled = {} } = summary ?? {};
  return { id, name, cases, labelled };
}

async function readRejected(store: SiteStore, site: string): Promise<readonly RejectedObject[]> {
  const found: RejectedObject[] = [];
  for await (const { key } of listDocuments(store, siteKeys.rejectedPrefix)) {
    const read = await ifUsable(() => tryReadJson(store, key, rejectedSchema));
    found.push(
      ...(read?.value.objects ?? []).map(({ key: object, reason, hint }) => ({
        site,
        key: object,
        reason,
        ...(hint === undefined ? {} : { hint }),
      })),
    );
  }
  return found;
}

/** Sequential, because the objects are small and their order is that of the report. */
async function inOrder<T, R>(items: readonly T[], f: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await f(item));
  return results;
}
