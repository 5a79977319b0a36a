import { federationKeys, parseRoundKey, siteKeys } from '../../lib/federation/keys.ts';
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
  sealSchema,
  summarySchema,
  type Update,
  updateSchema,
} from '../../lib/federation/schemas.ts';
import { reductionsOf } from '../../lib/protocol/reductions.ts';
import type { CommitReport, RejectedObject, SiteReport, StageReport } from '../../lib/report/report.ts';
import type { SiteStore, Stores } from '../../lib/storage/contract.ts';
import { listDocuments, readJson, tryReadJson } from '../../lib/storage/documents.ts';

/** The stored data of a campaign that the report needs. */
export interface CampaignRecord {
  readonly plan: Plan;
  readonly sites: readonly SiteReport[];
  readonly rejected: readonly RejectedObject[];
  readonly stages: readonly StageReport[];
  /** Scores of the evaluation by site. */
  readonly scores: ReadonlyMap<string, readonly Score[]>;
  /** Comparisons of the evaluation by site. */
  readonly comparisons: ReadonlyMap<string, readonly ScoreComparison[]>;
  readonly backends: readonly string[];
  /** Highest resident memory reported by a GPU task, bytes. */
  readonly peakGpuTaskRss: number;
}

interface Place extends Stores {
  readonly federation: Federation;
  readonly campaign: string;
}

/** Reads everything from the buckets, so a report can be written again at any time. */
export async function collectCampaign(place: Place): Promise<CampaignRecord> {
  const { federationStore, siteStore, federation, campaign } = place;
  const { value: plan } = await readJson(federationStore, federationKeys.plan(campaign), planSchema);
  const stages = await inOrder(plan.campaign.stages, (stage) => readStage(place, stage));
  const updates = stages.flatMap(({ merged }) => merged);
  return {
    plan,
    sites: await inOrder(federation.sites, ({ id, name }) => readSite(place, id, name)),
    rejected: (await inOrder(federation.sites, ({ id }) => readRejected(siteStore(id), id))).flat(),
    stages: stages.map(({ report }) => report),
    scores: new Map(updates.flatMap(({ site, scores }) => (scores ? [[site, scores] as const] : []))),
    comparisons: new Map(
      updates.flatMap(({ site, comparisons }) => (comparisons ? [[site, comparisons] as const] : [])),
    ),
    backends: [...new Set(updates.flatMap(({ backend }) => backend ?? []))],
    peakGpuTaskRss: Math.max(0, ...updates.map(({ peakRss }) => peakRss ?? 0)),
  };
}

type MergedUpdate = Extract<Update, { status: 'ok' }>;

async function readStage(
  place: Place,
  stage: Stage,
): Promise<{ readonly report: StageReport; readonly merged: readonly MergedUpdate[] }> {
  const rounds: number[] = [];
  const prefix = federationKeys.stagePrefix({ campaign: place.campaign, stage: stage.name });
  for await (const { key } of place.federationStore.list(prefix)) {
    const parsed = parseRoundKey(key);
    if (parsed?.rest === 'commit.json') rounds.push(parsed.at.round);
  }
  const committed = await inOrder(rounds, (round) => readRound(place, stage.name, round));
  return {
    report: {
      name: stage.name,
      kind: stage.kind === 'student' && stage.pseudoLabels === undefined ? 'control' : stage.kind,
      rounds: committed.length,
      participants: [...new Set(committed.flatMap(({ participants }) => participants))],
      commits: committed.map(({ commit }) => commit),
    },
    merged: committed.flatMap(({ merged }) => merged),
  };
}

async function readRound(place: Place, stage: string, round: number) {
  const { federationStore, campaign } = place;
  const at = { campaign, stage, round };
  const { value: open } = await readJson(federationStore, federationKeys.open(at), openSchema);
  const { value: seal } = await readJson(federationStore, federationKeys.seal(at), sealSchema);
  const { value: commit, sha256 } = await readJson(federationStore, federationKeys.commit(at), commitSchema);
  const updates = await inOrder(seal.updates, ({ key }) => readJson(federationStore, key, updateSchema));
  const merged = updates.flatMap(({ value }) =>
    value.status === 'ok' && commit.sites.includes(value.site) ? [value] : [],
  );
  const { clipped, limited } = reductionsOf(open, seal, commit);
  const report: CommitReport = {
    round,
    at: commit.at,
    key: federationKeys.commit(at),
    sha256,
    samples: commit.samples,
    figures: commit.figures,
    updates: merged.map(({ site, samples, seconds, figures }) => ({ site, samples, seconds, figures })),
    failed: seal.failed.map(({ site, reason }) => ({ site, reason })),
    clipped: clipped.map(({ site, factor }) => ({ site, factor })),
    limited,
  };
  return { participants: open.participants.map(({ site }) => site), commit: report, merged };
}

async function readSite(place: Place, id: string, name: string): Promise<SiteReport> {
  const summary = await tryReadJson(place.federationStore, federationKeys.summary(id), summarySchema);
  const { cases = { training: 0, evaluation: 0, rejected: 0 }, labelled = {} } = summary?.value ?? {};
  return { id, name, cases, labelled };
}

async function readRejected(store: SiteStore, site: string): Promise<readonly RejectedObject[]> {
  const found: RejectedObject[] = [];
  for await (const { key } of listDocuments(store, siteKeys.rejectedPrefix)) {
    const { value } = await readJson(store, key, rejectedSchema);
    found.push(
      ...value.objects.map(({ key: object, reason, hint }) => ({
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
