import { parseCaseKey } from '../../../lib/federation/keys.ts';
import { isComplete, type Task } from '../../../lib/federation/tasks.ts';
import { CASES_A_PAGE, type CaseRow, type Cases, type CasesQuery } from '../../../page/api/hospital/cases.ts';
import type { Fault } from '../../../page/api/hospital/common.ts';
import { type LabelState, VERDICTS, type Verdict } from '../../../page/api/hospital/names.ts';
import type { CaseState } from '../../site/case-states.ts';
import type { SiteStates } from '../../site/read-states.ts';
import { labelsOf } from '../../site/site-overview.ts';

/** Faults of a case that a row has, and of objects outside any case that an answer has. */
const SHOWN_FAULTS = 5;
const SHOWN_STRAYS = 50;

/** A page of the cases that fit the query, in the order of their names. */
export function casePage({ cases, strays, unread }: SiteStates, tasks: readonly Task[], query: CasesQuery): Cases {
  const verdictOf = (one: CaseState): Verdict => (unread.has(one.case) ? 'unread' : one.verdict);
  const counts = Object.fromEntries(VERDICTS.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const one of cases) counts[verdictOf(one)] += 1;
  const search = query.search?.toLowerCase();
  const found = cases.filter(
    (one) =>
      (search === undefined || one.case.toLowerCase().includes(search)) &&
      (query.verdict === undefined || verdictOf(one) === query.verdict) &&
      (query.use === undefined || one.use === query.use) &&
      (query.task === undefined || hasLabel(one, query.task)),
  );
  const pages = Math.max(1, Math.ceil(found.length / CASES_A_PAGE));
  const page = Math.min(query.page, pages);
  return {
    counts,
    total: cases.length,
    labels: tasks.map((task) => ({ ...labelsOf(task, cases), title: task.title })),
    found: found.length,
    page,
    pages,
    cases: found.slice((page - 1) * CASES_A_PAGE, page * CASES_A_PAGE).map((one) => rowOf(one, verdictOf(one), tasks)),
    strays: strays.slice(0, SHOWN_STRAYS).map(({ key, ...fault }) => faultOf(key, fault)),
  };
}

const taskOfKey = (key: string): string | undefined => {
  const part = parseCaseKey(key)?.part;
  return part?.kind === 'label' ? part.task : undefined;
};

const hasLabel = ({ files }: CaseState, task: string): boolean => files.some(({ key }) => taskOfKey(key) === task);

export const faultOf = (
  file: string,
  {
    code = '',
    reason = '',
    hint,
  }: { readonly code?: string; readonly reason?: string; readonly hint?: string | undefined },
): Fault => ({ file, code, reason, ...(hint !== undefined && hint !== '' && { hint }) });

/** The refused files of a case. */
export const faultsOf = ({ files }: CaseState): readonly Fault[] =>
  files.filter(({ state }) => state === 'rejected').map(({ key, ...fault }) => faultOf(key, fault));

const rowOf = (one: CaseState, verdict: Verdict, tasks: readonly Task[]): CaseRow => ({
  case: one.case,
  use: one.use,
  verdict,
  ...(one.entry && { at: one.entry.at }),
  labels: labelStates(one, tasks),
  faults: faultsOf(one).slice(0, SHOWN_FAULTS),
});

/** What each label of a case is good for, in the order of the tasks. */
export function labelStates(
  { files, entry }: CaseState,
  tasks: readonly Task[],
): { readonly task: string; readonly state: LabelState }[] {
  const states = files.flatMap(({ key, state }) => {
    const task = taskOfKey(key);
    return task === undefined ? [] : [{ task, state }];
  });
  const known = new Map(tasks.map((task, index) => [task.id, { task, index }]));
  const accepted = (id: string): LabelState => {
    if (entry?.use === 'evaluation') return 'scored';
    const task = known.get(id)?.task;
    return !task || isComplete(task, entry?.labels[id]?.classes ?? {}) ? 'teaches' : 'incomplete';
  };
  return states
    .toSorted((a, b) => (known.get(a.task)?.index ?? tasks.length) - (known.get(b.task)?.index ?? tasks.length))
    .map(({ task, state }) => ({ task, state: state === 'accepted' ? accepted(task) : state }));
}
