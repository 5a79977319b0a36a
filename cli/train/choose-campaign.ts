import { type Campaign, type CampaignInput, type CatalogEntry, campaignSchema } from '../../lib/federation/schemas.ts';
import { radiusOf, type Task } from '../../lib/federation/tasks.ts';
import { type Budget, STUDENT_MODEL, STUDENT_STAGE, SWIN_UNETR, UNET } from '../demo/demo-campaign.ts';
import { maskHeads } from '../mask-heads.ts';

/** Side of the training patches, in voxels: what the small networks of the demo train on a CPU. */
const PATCH = 32;
/** Coarsest spacing, mm, and largest share of a landmark's radius: a sphere must span some voxels. */
const COARSEST = 3;
const SHARE_OF_RADIUS = 0.75;
/** Side of the cube around the heart to which CTs are cropped by default, mm. */
const HEART_CROP = 256;
/** Sites among which the steps of the budgets are enough. Fewer sites take more steps each. */
const USUAL_SITES = 3;

const BUDGETS = {
  landmarks: { rounds: 4, steps: 60, learningRate: 1e-2, foregroundWeight: 8 },
  segmentation: { rounds: 4, steps: 40, learningRate: 5e-3, foregroundWeight: 5 },
  student: { rounds: 5, steps: 40, learningRate: 1e-2, foregroundWeight: 8 },
} as const satisfies Readonly<Record<string, Budget>>;

/** What a campaign is chosen for. */
export interface ChoiceInput {
  /** The known tasks. Those with labels are learnt. */
  readonly tasks: readonly Task[];
  /** The accepted cases of each site. */
  readonly sites: readonly (readonly Pick<CatalogEntry, 'use' | 'labels' | 'image'>[])[];
  readonly seed: number;
  /** Whether every stage takes a few steps only. */
  readonly quick: boolean;
}

/**
 * A campaign for the labels that are there: a teacher for each task with training labels; if some training case lacks one
 * of these labels, pseudo-labels, a student and its control on labels alone, otherwise a student on labels alone; and an
 * evaluation if a held-out case has a label. Undefined without training labels.
 */
export function chooseCampaign({ tasks, sites, seed, quick }: ChoiceInput): Campaign | undefined {
  const cases = sites.flat();
  const training = cases.filter(({ use }) => use === 'training');
  const learnt = tasks.filter(({ id }) => training.some(({ labels }) => labels[id]));
  if (learnt.length === 0) return undefined;
  const ids = learnt.map(({ id }) => id);
  const lacksLabels = training.some(({ labels }) => ids.some((id) => !labels[id]));
  const isScored = cases.some(({ use, labels }) => use === 'evaluation' && ids.some((id) => labels[id]));
  const grid = { patch: PATCH, spacing: spacingFor(learnt, training) };
  const trained = (budget: Budget) => {
    const { rounds, ...training } = quick ? inBrief(budget) : perSite(budget, sites.length);
    return { rounds, training: { ...grid, headWeights: 'classes' as const, ...training } };
  };
  const student = {
    kind: 'student' as const,
    tasks: ids,
    model: SWIN_UNETR,
    aggregation: { strategy: 'fedavg' as const, untrained: 'skip' as const },
    ...trained(BUDGETS.student),
  };
  const distilled = trained({ ...BUDGETS.student, ...maskHeads(learnt) });
  const teachers = learnt.map(({ id, kind }) => ({
    kind: 'teacher' as const,
    name: teacherOf(id),
    task: id,
    model: UNET,
    ...trained(BUDGETS[kind]),
  }));
  const students = lacksLabels
    ? [
        { ...student, ...distilled, name: STUDENT_STAGE, pseudoLabels: PSEUDO_LABELS, distillation: {} },
        { ...student, name: CONTROL },
      ]
    : [{ ...student, name: STUDENT_STAGE }];
  const models = Object.fromEntries([
    ...ids.map((id) => [`teacher-${id}`, teacherOf(id)]),
    ...students.map(({ name }) => [name, name]),
  ]);
  const stages: CampaignInput['stages'] = [
    ...teachers,
    ...(lacksLabels
      ? [{ kind: 'pseudo-label' as const, name: PSEUDO_LABELS, teachers: ids.map(teacherOf), soft: true }]
      : []),
    ...students,
    ...(isScored ? [{ kind: 'evaluate' as const, name: 'evaluate', models, predictions: STUDENT_MODEL }] : []),
  ];
  return campaignSchema.parse({ schema: 'fedcardio.campaign/1', id: `train-${seed}`, seed, stages });
}

const PSEUDO_LABELS = 'pseudo-label';
const CONTROL = 'student-labels-only';
const teacherOf = (task: string) => `teacher/${task}`;

/**
 * Spacing of the patches, mm, rounded up to a tenth: no finer than most CTs, and so that a patch covers as much as
 * possible of most CTs, within the heart crop.
 */
export function spacingFor(
  tasks: readonly Task[],
  cases: readonly { readonly image: Pick<CatalogEntry['image'], 'shape' | 'spacing'> }[],
): number {
  const voxel = median(cases.map(({ image }) => Math.max(...image.spacing)));
  const extent = median(
    cases.map(({ image: { shape, spacing } }) => Math.max(...shape.map((count, axis) => count * (spacing[axis] ?? 1)))),
  );
  const radii = tasks.filter(({ kind }) => kind === 'landmarks').map(radiusOf);
  const coarsest = Math.min(COARSEST, ...radii.map((radius) => SHARE_OF_RADIUS * radius));
  return Math.min(coarsest, Math.ceil(10 * Math.max(voxel, Math.min(extent, HEART_CROP) / PATCH)) / 10);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** More steps at each of a few sites, so that all together take about as many. */
const perSite = (budget: Budget, sites: number): Budget => ({
  ...budget,
  steps: Math.round(budget.steps * Math.max(1, USUAL_SITES / sites)),
});

const inBrief = (budget: Budget): Budget => ({ ...budget, rounds: 2, steps: 2 });
