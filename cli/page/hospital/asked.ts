import { collect, mapConcurrently } from '../../../lib/async.ts';
import { isFedcardioError } from '../../../lib/error.ts';
import { type FederationKey, federationKeys, siteKeys } from '../../../lib/federation/keys.ts';
import { OBJECT_KINDS } from '../../../lib/federation/objects.ts';
import {
  type Consent,
  type ConsentLimits,
  kindOf,
  type Plan,
  planSchema,
  type Stage,
  type Summary,
} from '../../../lib/federation/schemas.ts';
import { isSmokeTest } from '../../../lib/federation/smoke-test.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import { shownConsent } from '../../../lib/protocol/consent/at-site.ts';
import { isOver, termsOf } from '../../../lib/protocol/consent/terms.ts';
import { isPaused, readPauses } from '../../../lib/protocol/pauses.ts';
import { isFor, roundsOf } from '../../../lib/protocol/plan.ts';
import type { FederationStore, SiteStore } from '../../../lib/storage/contract.ts';
import { readJson } from '../../../lib/storage/documents.ts';
import { unreadableOf } from '../../../lib/storage/unreadable.ts';
import type { AskedCampaign, SiteConsent } from '../../../page/api/hospital/decide.ts';
import { contentsOf } from './contents.ts';

/** What the answers about campaigns are made from. */
export interface AskedSources {
  readonly site: string;
  readonly store: SiteStore;
  readonly federationStore: FederationStore;
  readonly tasks: readonly Task[];
  /** The site's own counts, as the federation has them. */
  readonly summary: Summary | undefined;
  readonly now: () => Date;
}

/** Folders of the site's own bucket that have one folder for each campaign that has asked the site. */
const TRACES = ['sent/', 'jobs/', 'checkpoints/', 'unfinished/', 'pseudo-labels/', 'predictions/'];
const AT_ONCE = 8;

/**
 * Ids of the campaigns that have asked this site. A site may not list the federation's campaigns: it learns of one by its
 * first GPU task, whose traces are in its own bucket.
 */
export async function askedIds({ site, store, federationStore }: AskedSources): Promise<readonly string[]> {
  const own = await mapConcurrently(TRACES, AT_ONCE, async (folder) => {
    const found = await collect(store.folders(siteKeys.ofEvent(folder))).catch(noneIfDenied);
    return found.map((key) => key.slice(folder.length, -1));
  });
  // doctor/ lies among the unfinished rounds.
  const traces = own.flat().filter((id) => id !== 'doctor');
  const answered = await collect(store.list(siteKeys.consentPrefix)).catch(noneIfDenied);
  const decided = answered.map(({ key }) => key.slice(siteKeys.consentPrefix.length, -'.json'.length));
  const prefix = federationKeys.campaignUpdates('', site).slice(0, -1) as FederationKey;
  const sent = await collect(federationStore.folders(prefix)).catch(noneIfDenied);
  return [...new Set([...traces, ...decided, ...sent.map((key) => key.slice(prefix.length, -1))])].sort();
}

/** An answer as the page shows it. */
export const consentView = ({ state, by, at, until, reason, limits }: Consent, now: Date): SiteConsent => ({
  state: state === 'agreed' && isOver({ until }, now) ? 'ended' : state,
  by,
  at,
  ...(until !== null && { until }),
  ...(reason !== undefined && { reason }),
  scores: limits.scores,
  figures: limits.figures,
  minimumCases: limits.minimumCases,
});

/** Passes on what is not about rights. */
export function undefinedIfDenied(error: unknown): undefined {
  if (!unreadableOf(error)) throw error;
}

function noneIfDenied(error: unknown): readonly never[] {
  if (!unreadableOf(error)) throw error;
  return [];
}

/**
 * What a campaign asks of the site. What the viewer may not read is said, not thrown.
 *
 * @throws FedcardioError NOT_FOUND if there is no such campaign, for a viewer who may know
 */
export async function askedCampaign(sources: AskedSources, campaign: string): Promise<AskedCampaign> {
  const { site, federationStore } = sources;
  const sent = await collect(federationStore.list(federationKeys.campaignUpdates(campaign, site))).catch(noneIfDenied);
  const known = { campaign, sent: sent.length } as const;
  try {
    const { value: plan, sha256 } = await readJson(federationStore, federationKeys.plan(campaign), planSchema);
    const { purpose, privacy } = plan.campaign;
    const epsilon = privacy?.differentialPrivacy?.epsilon;
    const consent = await shownConsent(sources, campaign).catch(undefinedIfDenied);
    return {
      ...known,
      plan: sha256,
      ...(purpose !== undefined && { purpose }),
      ...(consent && { consent: consentView(consent, sources.now()) }),
      isSecure: privacy?.secureAggregation !== undefined,
      ...(epsilon !== undefined && { epsilon }),
      phase: await phaseOf(federationStore, campaign),
      plannedAt: plan.at,
      stages: plan.campaign.stages.map((stage) => stageOf(stage, plan, consent?.limits, sources)),
      warnings: plan.warnings ?? [],
    };
  } catch (error) {
    if (!isFedcardioError(error) || isFedcardioError(error, 'NOT_FOUND')) throw error;
    const { message, hint } = error;
    const unreadable = { message, ...(hint !== undefined && { hint }) };
    return { ...known, phase: 'unknown', stages: [], warnings: [], unreadable };
  }
}

async function phaseOf(store: FederationStore, campaign: string): Promise<AskedCampaign['phase']> {
  try {
    // A site may see that a campaign has ended, not how.
    if ((await collect(store.list(federationKeys.outcome(campaign)))).length > 0) return 'ended';
  } catch (error) {
    if (!unreadableOf(error)) throw error;
    return 'unknown';
  }
  const pauses = await readPauses(store, campaign).catch(noneIfDenied);
  return isPaused([...pauses]) ? 'paused' : 'running';
}

function stageOf(
  stage: Stage,
  plan: Plan,
  limits: ConsentLimits | undefined,
  { site, tasks, summary }: AskedSources,
): AskedCampaign['stages'][number] {
  const kind = kindOf(stage);
  const learnt = kind.tasks(stage);
  const all = [...(plan.tasks ?? []), ...tasks];
  const titleOf = (id: string) => all.find((task) => task.id === id)?.title ?? id;
  const asked = termsOf(plan).stages.find(({ name }) => name === stage.name)?.tasks ?? learnt;
  const answered = all.filter(({ id }) => asked.includes(id));
  const cases = isSmokeTest(plan.campaign.id) ? (summary?.smokeTests ?? 0) : summary && kind.samples(stage, summary);
  return {
    stage: stage.name,
    kind: stage.kind,
    tasks: learnt.map((task) => ({ task, title: titleOf(task) })),
    rounds: roundsOf(stage),
    ...(cases !== undefined && { cases }),
    isForOthers: !isFor(stage, site),
    contents: contentsOf(stage, answered, limits, cases),
    keys: keysOf(stage, site),
    stays: 'training' in stage ? stage.training.localParameters : [],
  };
}

/** Kinds of objects that only stages with weights have, and those of the others. */
const WITH_WEIGHTS = ['<sha256>.safetensors', '<sha256>.update.json'];
const WITHOUT_WEIGHTS = ['report.update.json'];

function keysOf(stage: Stage, site: string): string[] {
  const left = 'training' in stage ? WITHOUT_WEIGHTS : WITH_WEIGHTS;
  return OBJECT_KINDS.filter(
    ({ bucket, key }) =>
      bucket === 'federation' &&
      key.startsWith('updates/<site>/') &&
      !key.endsWith('.refusal.json') &&
      !left.some((name) => key.endsWith(`/${name}`)),
  ).map(({ key }) => key.replace('<site>', site).replace('<stage>', stage.name));
}
