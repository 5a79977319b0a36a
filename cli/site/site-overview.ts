import { collect, mapConcurrently } from '../../lib/async.ts';
import { siteKeys } from '../../lib/federation/keys.ts';
import { type SentBySite, sentBySiteSchema } from '../../lib/federation/schemas.ts';
import { isComplete, type Task } from '../../lib/federation/tasks.ts';
import { groupBy } from '../../lib/group-by.ts';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { listDocuments, tryReadJson } from '../../lib/storage/documents.ts';
import type { CaseState, CaseVerdict } from './case-states.ts';

/** Labels of a task at a site. */
interface TaskLabels {
  readonly task: string;
  /** Training cases from whose label models learn. */
  readonly teaching: number;
  /** Training cases whose label has not every point. Nothing learns from them. */
  readonly incomplete: number;
  /** Held-out cases, which are scored. */
  readonly heldOut: number;
}

/** What left a site for a stage of a campaign. */
interface SentStage {
  readonly campaign: string;
  readonly stage: string;
  readonly kind: string;
  readonly rounds: number;
  /** Of weights and metadata. */
  readonly bytes: number;
  /** Lists of scores. */
  readonly scores: number;
  readonly failures: readonly { readonly round: number; readonly code: string; readonly reason: string }[];
  readonly last: string;
}

export interface SiteOverview {
  readonly cases: Readonly<Record<CaseVerdict, number>>;
  readonly labels: readonly TaskLabels[];
  /** Names of the cases that have labels and no CT. */
  readonly withoutImage: readonly string[];
  readonly sent: readonly SentStage[];
}

const READS_AT_ONCE = 32;

/** Counts a site's cases and labels, and sums up what its records say that it sent. */
export async function siteOverview(
  store: Pick<SiteStore, 'bucket' | 'list' | 'tryGet'>,
  cases: readonly CaseState[],
  tasks: readonly Task[],
): Promise<SiteOverview> {
  const verdicts: readonly CaseVerdict[] = ['accepted', 'partly accepted', 'rejected', 'waiting', 'pending'];
  const count = (verdict: CaseVerdict) => cases.filter((one) => one.verdict === verdict).length;
  return {
    cases: Object.fromEntries(verdicts.map((verdict) => [verdict, count(verdict)])) as SiteOverview['cases'],
    labels: tasks.map((task) => labelsOf(task, cases)),
    withoutImage: cases.filter(({ verdict }) => verdict === 'waiting').map((one) => one.case),
    sent: sentStages(await readSent(store)),
  };
}

/** How many labels of a task there are, and what they are good for. */
export function labelsOf(task: Task, cases: readonly CaseState[]): TaskLabels {
  const entries = cases.flatMap(({ entry }) => (entry?.labels[task.id] ? [entry] : []));
  const training = entries.filter(({ use }) => use === 'training');
  const teaching = training.filter(({ labels }) => isComplete(task, labels[task.id]?.classes ?? {})).length;
  return {
    task: task.id,
    teaching,
    incomplete: training.length - teaching,
    heldOut: entries.length - training.length,
  };
}

/** The records of what a site has sent. */
export async function readSent(store: Pick<SiteStore, 'bucket' | 'list' | 'tryGet'>): Promise<readonly SentBySite[]> {
  const listed = await collect(listDocuments(store, siteKeys.sentPrefix));
  const read = await mapConcurrently(listed, READS_AT_ONCE, ({ key }) => tryReadJson(store, key, sentBySiteSchema));
  return read.flatMap((document) => document?.value ?? []);
}

/** Records by campaign and stage, in the order of the last sending. */
function sentStages(records: readonly SentBySite[]): readonly SentStage[] {
  const groups = groupBy(records, ({ campaign, stage }) => `${campaign}/${stage}`);
  return Array.from(groups.values(), (group): SentStage => {
    const { campaign, stage, kind } = group[0] as SentBySite;
    return {
      ...{ campaign, stage, kind },
      rounds: group.length,
      bytes: group.reduce((sum, { weights, update }) => sum + (weights?.bytes ?? 0) + update.bytes, 0),
      scores: group.reduce((sum, { scores }) => sum + scores, 0),
      failures: group.flatMap(({ round, failure }) => (failure ? [{ round, ...failure }] : [])),
      last: group
        .map(({ at }) => at)
        .sort()
        .at(-1) as string,
    };
  }).sort((a, b) => (a.last < b.last ? -1 : 1));
}
