import type { Task } from '../../lib/federation/tasks.ts';
import { printable } from '../../lib/printable.ts';
import { table } from '../table.ts';
import type { SiteIntake } from './intake-result.ts';
import type { Material } from './material.ts';

const ON_BOTH_SIDES =
  'this patient has training CTs and held-out CTs, so the scores are too good. Move all of them to one of the folders cases/ and held-out/.';

/** What intake accepted, as a table, and what it rejected, with the reasons. */
export function intakeText(
  found: readonly SiteIntake[],
  tasks: readonly Task[],
  { leftOut, onBothSides }: Pick<Material, 'leftOut' | 'onBothSides'>,
): readonly string[] {
  const labels = found.flatMap(({ accepted }) => accepted.flatMap((entry) => Object.keys(entry.labels)));
  const shown = tasks.filter(({ id }) => labels.includes(id)).map(({ id }) => id);
  const rows = found.map(({ site, accepted, rejected }) => {
    const of = (use: string) => accepted.filter((entry) => entry.use === use);
    return [
      site,
      String(of('training').length),
      String(of('evaluation').length),
      String(rejected.length),
      ...shown.map((id) => {
        const count = (use: string) => of(use).filter((entry) => entry.labels[id]).length;
        return `${count('training')} + ${count('evaluation')}`;
      }),
    ];
  });
  return [
    ...table(['site', 'training CTs', 'held-out CTs', 'rejected files', ...shown], rows),
    'Labels of a task: training + held out.',
    ...found.flatMap(({ site, rejected }) =>
      rejected.map(({ key, reason, hint }) =>
        printable(`rejected  ${site}/${key}: ${reason}${hint === undefined ? '' : ` ${hint}`}`),
      ),
    ),
    ...leftOut.map(({ name, reason }) => printable(`left out  ${name}: ${reason}`)),
    ...onBothSides.map((patient) => `warning   ${patient}: ${ON_BOTH_SIDES}`),
  ];
}
