import { groupBy } from '../../lib/group-by.ts';
import type { CaseHistory, CaseLineage } from '../../lib/intake/lineage.ts';
import { printable } from '../../lib/printable.ts';
import type { LearntStage } from '../../lib/protocol/learnt-models.ts';
import { counted } from '../../lib/report/format.ts';
import { rangesOf } from '../../lib/report/withdrawn-text.ts';
import { instant } from '../campaign/times.ts';
import { table } from '../table.ts';

/** What became of a case: the updates that it went into, and the models that were built on them. */
export interface CaseFacts extends CaseHistory {
  /** Undefined if these credentials may not read it, as roles of an earlier deployment. */
  readonly models: readonly LearntStage[] | undefined;
}

/** Updates whose weights learnt from the case. */
export const trainedOn = ({ updates }: CaseHistory): readonly CaseLineage[] =>
  updates.filter(({ uses, weights }) => weights !== null && uses.includes('training'));

/** The GPU tasks that used a case, a row per stage, and the models that may have learnt from it. */
export function lineageText({ updates, unreadable, models }: CaseFacts): readonly string[] {
  const faults = unreadable.map(({ key, reason }) => printable(`${key} cannot be read: ${reason}`));
  if (updates.length === 0) return ['No update has used the case.', ...faults];
  const stages = groupBy(updates, ({ campaign, stage }) => `${campaign} ${stage}`);
  const rows = [...stages.values()].map((of) => {
    const [one] = of as [CaseLineage];
    const uses = [...new Set(of.flatMap(({ uses }) => uses))];
    return [one.campaign, one.stage, rangesOf(of.map(({ round }) => round)), uses.join(', '), instant(of.at(-1)?.at)];
  });
  return [
    ...table(['campaign', 'stage', 'rounds', 'used for', 'last, UTC'], rows).map(printable),
    '',
    ...modelsText(models),
    ...faults,
  ];
}

function modelsText(models: CaseFacts['models']): readonly string[] {
  if (!models) return ['Which models were built on it cannot be read with these credentials: deploy the site again.'];
  const built = models.filter((stage) => stage.models.length > 0);
  if (built.length === 0) return ['No published model was built on it.'];
  return ['Models that may have learnt from it:', ...built.map(modelsLine)];
}

const modelsLine = ({ campaign, stage, models }: LearntStage): string =>
  printable(
    `  ${campaign} ${stage}: ${counted(models.length, 'model')}, of rounds ${rangesOf(models.map(({ round }) => round))}; the last is ${models.at(-1)?.sha256.slice(0, 12)}…`,
  );
