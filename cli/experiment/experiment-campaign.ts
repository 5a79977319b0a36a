import { type Campaign, type CampaignInput, campaignSchema, type ModelConfig } from '../../lib/federation/schemas.ts';
import { type DefaultTaskId, PROBE_TASK } from '../../lib/federation/tasks.ts';
import { comparisonsAmong, MODELS } from '../../lib/report/experiment/compared-models.ts';
import { BUDGETS, type Budget, GRID, SWIN_UNETR, UNET } from '../demo/demo-campaign.ts';
import { DEMO_TASKS, type Scenario, type SiteScenario } from '../demo/scenario.ts';

type StageInput = CampaignInput['stages'][number];

/** Budget of a profile: networks, patches, and the rounds and steps of each network. */
interface Size {
  readonly unet: ModelConfig;
  readonly swin: ModelConfig;
  readonly grid: { readonly patch: number; readonly spacing: number; readonly batch: number };
  readonly teachers: Readonly<Record<(typeof DEMO_TASKS)[number], Budget>>;
  readonly student: Budget;
  readonly probe: Budget;
}

export type ExperimentProfile = 'small' | 'paper';

const PAPER_TEACHER: Budget = { rounds: 10, steps: 250, learningRate: 1e-3, foregroundWeight: 1 };

/** `small`: the demo's networks and budgets. `paper`: networks, patches and spacing as published; days on one GPU. */
const SIZES: Readonly<Record<ExperimentProfile, Size>> = {
  small: {
    unet: UNET,
    swin: SWIN_UNETR,
    grid: { ...GRID, batch: 1 },
    ...BUDGETS.full,
    probe: { rounds: 2, steps: 40, learningRate: 1e-2, foregroundWeight: 8 },
  },
  paper: {
    unet: { kind: 'unet', features: [32, 64, 128, 256, 320, 320], deepSupervision: true },
    swin: { kind: 'swin-unetr', featureSize: 48, depths: [2, 2, 2, 2], heads: [3, 6, 12, 24], window: 7 },
    grid: { patch: 96, spacing: 1, batch: 4 },
    teachers: { 'hinge-points': PAPER_TEACHER, 'membranous-septum': PAPER_TEACHER, calcification: PAPER_TEACHER },
    student: { rounds: 10, steps: 250, learningRate: 8e-4, foregroundWeight: 1 },
    probe: { rounds: 4, steps: 100, learningRate: 1e-3, foregroundWeight: 1 },
  },
};

/**
 * The comparison of Tölle et al. (2025) as one campaign: UNet and Swin UNETR, each trained at one site, federated and
 * distilled; also soft distillation, pseudo-labels without a filter, and the probes. All models of a kind take the same
 * number of steps; a one-site model takes them in one round.
 */
export function experimentCampaign(scenario: Scenario, profile: ExperimentProfile): Campaign {
  const size = SIZES[profile];
  const teachers = DEMO_TASKS.map((task) => teacher(size, task));
  const stages: StageInput[] = [
    ...teachers,
    ...scenario.sites.flatMap((site) => localModels(size, site)),
    { kind: 'pseudo-label', name: 'pseudo-label', teachers: teachers.map(({ name }) => name), soft: true },
    {
      kind: 'pseudo-label',
      name: 'pseudo-label-unfiltered',
      teachers: teachers.map(({ name }) => name),
      filter: { minConfidence: 0, plausibility: false },
    },
    student(size, MODELS.federatedSwin, size.swin),
    student(size, MODELS.federatedSwinHeads, size.swin, { aggregation: { strategy: 'fedavg', untrained: 'skip' } }),
    student(size, MODELS.distilledUnet, size.unet, { pseudoLabels: 'pseudo-label' }),
    student(size, MODELS.distilledSwin, size.swin, { pseudoLabels: 'pseudo-label' }),
    student(size, MODELS.softSwin, size.swin, { pseudoLabels: 'pseudo-label', distillation: {} }),
    student(size, MODELS.unfilteredSwin, size.swin, { pseudoLabels: 'pseudo-label-unfiltered' }),
    probe(size, MODELS.probeSwin, MODELS.distilledSwin),
    probe(size, MODELS.probeUnet, MODELS.teacher('hinge-points')),
  ];
  const models = stages.flatMap(({ kind, name }) => (kind === 'pseudo-label' ? [] : [[name, name] as const]));
  const campaign: CampaignInput = {
    schema: 'fedcardio.campaign/1',
    id: `experiment-${profile}-${scenario.seed}`,
    seed: scenario.seed,
    stages: [
      ...stages,
      {
        kind: 'evaluate',
        name: 'evaluate',
        models: Object.fromEntries(models),
        compare: comparisonsAmong(models.map(([name]) => name)),
      },
    ],
  };
  return campaignSchema.parse(campaign);
}

type Learning = Extract<StageInput, { kind: 'teacher' | 'student' }>;

const learnt = ({ grid }: Size, { rounds, ...training }: Budget) => ({
  rounds,
  training: { ...grid, headWeights: 'classes' as const, ...training },
});

/** The same number of steps in one round, because one site has no updates to average. */
const inOneRound = ({ rounds, steps, ...rest }: Budget): Budget => ({ rounds: 1, steps: rounds * steps, ...rest });

const teacher = (size: Size, task: (typeof DEMO_TASKS)[number]) => ({
  kind: 'teacher' as const,
  name: MODELS.teacher(task),
  task,
  model: size.unet,
  ...learnt(size, size.teachers[task]),
});

const student = (
  size: Size,
  name: string,
  model: ModelConfig,
  options: Partial<Extract<StageInput, { kind: 'student' }>> = {},
): Learning => ({ kind: 'student', name, tasks: [...DEMO_TASKS], model, ...learnt(size, size.student), ...options });

/**
 * Models that a hospital trains by itself: a UNet for each task that it has labels of, and one Swin UNETR for all of
 * them.
 */
function localModels(size: Size, { id, labelled }: SiteScenario): readonly Learning[] {
  const tasks = DEMO_TASKS.filter((task) => (labelled[task] ?? 0) > 0);
  if (tasks.length === 0) return [];
  const alone = { sites: [id] };
  const unets = tasks.map((task) => ({
    ...teacher(size, task),
    ...learnt(size, inOneRound(size.teachers[task])),
    ...alone,
    name: MODELS.localUnet(id, task),
  }));
  const swin = student({ ...size, student: inOneRound(size.student) }, MODELS.localSwin(id), size.swin, alone);
  return [...unets, { ...swin, tasks: tasks as DefaultTaskId[] } as Learning];
}

const probe = (size: Size, name: string, of: string): StageInput => ({
  kind: 'probe',
  name,
  of,
  task: PROBE_TASK,
  ...learnt(size, size.probe),
});
