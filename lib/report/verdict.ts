import { WITHIN_MM } from '../federation/tasks.ts';
import type { Metrics } from '../scoring/metrics.ts';
import { comparedModels, hasBothStudents } from './compared.ts';
import { counted, fixed, percent } from './format.ts';
import type { ModelRole, Report } from './report.ts';

type Judged = Pick<
  Report,
  | 'status'
  | 'scoredOn'
  | 'reason'
  | 'profile'
  | 'landmarks'
  | 'metrics'
  | 'models'
  | 'tasks'
  | 'sites'
  | 'stages'
  | 'rejected'
>;

/** Whether the run trained for too few steps for its scores to mean anything. */
export const isSmokeTest = ({ profile }: Pick<Report, 'profile'>): boolean => profile === 'quick';

/** The outcome of the run: what distillation made better, and what it made worse. A smoke test claims only that it ran. */
export function verdict(report: Judged): string {
  const why = report.reason ?? 'no reason was recorded';
  if (report.status === 'failed') return `The campaign failed: ${why}`;
  if (report.status === 'cancelled') return `The campaign was cancelled: ${why}`;
  if (isSmokeTest(report)) return smokeTestVerdict(report);
  const scored = report.scoredOn ?? 'held-out';
  if (!hasBothStudents(report)) {
    const { length } = comparedModels(report);
    return length === 0 ? 'No model has been evaluated.' : `${counted(length, 'model')} evaluated on ${scored} cases.`;
  }
  const where = report.scoredOn ? ['Scores are of validation cases.'] : [];
  return [...where, landmarkVerdict(report), ...taskVerdicts(report), ...volumeVerdicts(report)].join(' ');
}

/** Whether the run was surely on phantoms alone: those of the demo and the experiment. */
export const isOnPhantoms = ({ profile }: Pick<Report, 'profile'>): boolean =>
  profile === 'full' || profile === 'experiment';

/** The limits of the figures. */
export function caveat(report: Pick<Report, 'profile'>): string {
  if (isSmokeTest(report)) {
    return 'The quick profile trains for a handful of steps, so the models find nothing yet, and no scores are shown. Without --quick, it trains enough to learn.';
  }
  return isOnPhantoms(report)
    ? 'One seed and few cases: read differences with care. Trained on phantoms in minutes, for demonstration; not a medical device.'
    : 'Research software, not a medical device. Read differences between few cases with care.';
}

/** What a smoke test has shown, as counts. */
export const smokeTestCounts = ({ sites, stages, rejected }: Pick<Report, 'sites' | 'stages' | 'rejected'>) => ({
  sites: counted(sites.length, 'hospital'),
  rounds: `${counted(
    stages.reduce((sum, { commits }) => sum + commits.length, 0),
    'round',
  )} in ${counted(stages.length, 'stage')}`,
  rejected: counted(rejected.length, 'rejected file'),
});

function smokeTestVerdict(report: Judged): string {
  const { sites, rounds } = smokeTestCounts(report);
  return `Every step ran: ${sites} committed ${rounds}, and intake rejected ${counted(report.rejected.length, 'file')}.`;
}

function landmarkVerdict(report: Judged): string {
  const { landmarks, scoredOn } = report;
  const student = landmarks.student?.within6mm;
  const control = landmarks.studentLabelsOnly?.within6mm;
  if (student === undefined || student === null || control === undefined || control === null)
    return `There are no ${scoredOn ?? 'held-out'} landmarks of both students to compare.`;
  const [from, to] = [percent(control), percent(student)];
  // Shares that are shown alike are judged alike.
  const gain = Math.round(100 * student) - Math.round(100 * control);
  if (gain > 0) {
    const helped = isWorse(report, OTHERS[0]) ? 'helped in part' : 'helped';
    return `Distillation ${helped}: the share of landmarks found within ${WITHIN_MM} mm rose from ${from} on labels alone to ${to}.`;
  }
  return gain < 0
    ? `Distillation did not help in this run: ${to} of the landmarks were found within ${WITHIN_MM} mm, ${from} on labels alone.`
    : `Distillation made no difference in this run: ${to} of the landmarks were found within ${WITHIN_MM} mm either way.`;
}

const OTHERS = [
  ['studentLabelsOnly', 'labels alone'],
  ['teacher', 'its teacher'],
] as const satisfies readonly (readonly [ModelRole, string])[];

/** The tasks by name in which the student is better or worse than the others; equal to the shown digits is neither. */
const taskVerdicts = (report: Judged): readonly string[] => [
  ...sentence(report, 'Better', OTHERS[0]),
  ...OTHERS.flatMap((other) => sentence(report, 'Worse', other)),
];

const isWorse = (report: Judged, other: (typeof OTHERS)[number]): boolean =>
  sentence(report, 'Worse', other).length > 0;

function sentence(
  { tasks, metrics }: Judged,
  word: 'Better' | 'Worse',
  [other, title]: (typeof OTHERS)[number],
): readonly string[] {
  const sign = word === 'Better' ? 1 : -1;
  const found = tasks.flatMap((task) => {
    const [student, against] = [scoreOf(metrics.student[task.id]), scoreOf(metrics[other][task.id])];
    if (!student || !against || Math.sign(student.value - against.value) !== sign) return [];
    return [`${task.title} (${student.what} ${student.text}, not ${against.text})`];
  });
  return found.length > 0 ? [`${word} than ${title}: ${found.join('; ')}.`] : [];
}

/** A volume within a tenth of the true one is not told. */
const NEAR = { low: 0.9, high: 1.1 };

/** The tasks in which the student marks too much or too little, beside what the others mark. A Dice does not tell. */
function volumeVerdicts({ tasks, metrics }: Judged): readonly string[] {
  return tasks.flatMap((task) => {
    const student = ratioOf(metrics.student[task.id]);
    if (student === undefined || (student >= NEAR.low && student <= NEAR.high)) return [];
    const others = OTHERS.flatMap(([role, title]) => {
      const ratio = ratioOf(metrics[role][task.id]);
      return ratio === undefined ? [] : [`${title} ${fixed(ratio, 2)}`];
    });
    const beside = others.length > 0 ? ` (${others.join(', ')})` : '';
    return [`${task.title}: the student marks ${fixed(student, 2)} times the true volume${beside}.`];
  });
}

const ratioOf = (metrics: Metrics | undefined): number | undefined =>
  metrics?.kind === 'segmentation' ? metrics.volumeRatio : undefined;

/** The score that a task is judged by, rounded as it is shown. */
function scoreOf(metrics: Metrics | undefined) {
  const value = metrics?.kind === 'landmarks' ? metrics.within6mm : metrics?.dice;
  if (!metrics || value === null || value === undefined) return undefined;
  return metrics.kind === 'landmarks'
    ? { what: `within ${WITHIN_MM} mm`, value: Math.round(value * 100), text: percent(value) }
    : { what: 'Dice', value: Math.round(value * 100), text: fixed(value, 2) };
}
