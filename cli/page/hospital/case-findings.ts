import { collect } from '../../../lib/async.ts';
import { describeError } from '../../../lib/error.ts';
import { parseCaseKey, type SiteKey, siteKeys } from '../../../lib/federation/keys.ts';
import { pseudoLabelReportSchema } from '../../../lib/federation/schemas.ts';
import { classTitle, type Task } from '../../../lib/federation/tasks.ts';
import { own } from '../../../lib/own.ts';
import type { SiteStore } from '../../../lib/storage/contract.ts';
import { tryReadJson } from '../../../lib/storage/documents.ts';
import { unreadableOf } from '../../../lib/storage/unreadable.ts';
import type { Finding } from '../../../page/api/hospital/case.ts';
import type { CaseState } from '../../site/case-states.ts';
import { labelStates } from './case-rows.ts';

/** What is known about a case beside its CT. */
export interface CaseFindings {
  readonly findings: readonly Finding[];
  /** Why some are missing. */
  readonly unlisted: readonly string[];
}

/** Most stages of pseudo-labels that are looked through: each costs a request. */
const MOST_FOLDERS = 300;

/** Labels, pseudo-labels and predictions of a case. Costs requests by the number of campaigns, not of cases. */
export async function findingsOf(store: SiteStore, state: CaseState, tasks: readonly Task[]): Promise<CaseFindings> {
  const caseId = parseCaseKey(state.files[0]?.key ?? '')?.caseId;
  const unlisted: string[] = [];
  const unlessDenied = async (find: () => Promise<readonly Finding[]>) => {
    try {
      return await find();
    } catch (error) {
      if (!unreadableOf(error)) throw error;
      unlisted.push(describeError(error));
      return [];
    }
  };
  const derived =
    caseId === undefined
      ? []
      : [
          ...(await unlessDenied(() => pseudoLabels(store, caseId, tasks))),
          ...(await unlessDenied(() => predictions(store, caseId, tasks))),
        ];
  return { findings: [...labelsOfCase(state, tasks), ...derived], unlisted };
}

function labelsOfCase(state: CaseState, tasks: readonly Task[]): readonly Finding[] {
  const states = new Map(labelStates(state, tasks).map((label) => [label.task, label.state]));
  return state.files.flatMap(({ key }): Finding[] => {
    const part = parseCaseKey(key)?.part;
    if (part?.kind !== 'label') return [];
    const labelState = states.get(part.task);
    return [
      {
        id: `label/${key}`,
        from: 'label',
        ...about(part.task, tasks),
        ...(part.format === 'class-map' && { volume: key }),
        ...(labelState && { state: labelState }),
      },
    ];
  });
}

async function pseudoLabels(store: SiteStore, caseId: string, tasks: readonly Task[]): Promise<readonly Finding[]> {
  const [prefix] = siteKeys.derivedPrefixes;
  const found: Finding[] = [];
  for (const folder of await leavesBelow(store, prefix as SiteKey)) {
    const [campaign = '', ...rest] = folder.slice((prefix as string).length, -1).split('/');
    const task = rest.pop();
    const stage = rest.join('/');
    if (task === undefined || stage === '') continue;
    const report = await tryReadJson(
      store,
      siteKeys.pseudoLabelReport({ campaign, stage }, task, caseId),
      pseudoLabelReportSchema,
    );
    if (!report) continue;
    const { confidence, accepted, checks } = report.value;
    found.push({
      id: `pseudo-label/${campaign}/${stage}/${task}`,
      from: 'pseudo-label',
      origin: { campaign, stage },
      ...about(task, tasks),
      volume: siteKeys.pseudoLabel({ campaign, stage }, task, caseId),
      quality: { confidence, accepted, failed: checks.filter(({ passed }) => !passed).map(({ name }) => name) },
    });
  }
  return found;
}

async function predictions(store: SiteStore, caseId: string, tasks: readonly Task[]): Promise<readonly Finding[]> {
  const [, prefix] = siteKeys.derivedPrefixes;
  const found: Finding[] = [];
  for (const campaign of await collect(store.folders(prefix as SiteKey))) {
    for (const model of await collect(store.folders(campaign))) {
      const folder = siteKeys.ofEvent(`${model}${caseId}/`);
      for (const { key } of await collect(store.list(folder))) {
        const task = /^([^/]+)\.nii\.gz$/.exec(key.slice(folder.length))?.[1];
        if (task === undefined) continue;
        const origin = { campaign: campaign.split('/')[1] ?? '', stage: model.split('/').at(-2) ?? '' };
        found.push({ id: `prediction/${key}`, from: 'prediction', origin, ...about(task, tasks), volume: key });
      }
    }
  }
  return found;
}

/** The folders without folders in them. */
async function leavesBelow(store: SiteStore, prefix: SiteKey): Promise<readonly SiteKey[]> {
  const leaves: SiteKey[] = [];
  const open = [...(await collect(store.folders(prefix)))];
  for (let looked = 0; open.length > 0 && looked < MOST_FOLDERS; looked++) {
    // The newest campaign tends to be the last.
    const folder = open.pop() as SiteKey;
    const inside = await collect(store.folders(folder));
    if (inside.length === 0) leaves.push(folder);
    open.push(...inside);
  }
  return leaves;
}

/** Names of a task's classes; a task that the federation no longer has keeps its id. */
function about(id: string, tasks: readonly Task[]): Pick<Finding, 'task' | 'title' | 'kind' | 'classes'> {
  const task = own(Object.fromEntries(tasks.map((one) => [one.id, one])), id);
  if (!task) return { task: id, title: id, kind: 'segmentation', classes: [] };
  const classes = task.classes.map((_, index) => ({ label: index + 1, title: classTitle(task, index + 1) }));
  return { task: id, title: task.title, kind: task.kind, classes };
}
