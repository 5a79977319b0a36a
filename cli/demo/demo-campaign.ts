import {
  type Campaign,
  type CampaignInput,
  campaignSchema,
  type ModelConfig,
  type TrainingConfig,
} from '../../lib/federation/schemas.ts';
import { type DefaultTaskId, TASKS } from '../../lib/federation/tasks.ts';
import { maskHeads } from '../mask-heads.ts';
import { DEMO_TASKS, type Scenario } from './scenario.ts';

/** Side of the training patches in voxels, and their spacing in mm. A patch spans the whole phantom. */
export const GRID = { patch: 32, spacing: 3 } as const;

export const UNET: ModelConfig = { kind: 'unet', features: [8, 16, 32, 64], deepSupervision: true };
export const SWIN_UNETR: ModelConfig = {
  kind: 'swin-unetr',
  featureSize: 8,
  depths: [2, 2, 2],
  heads: [2, 4, 8],
  window: 4,
};

/** Budget of one stage: rounds, and optimiser steps per site and round. */
export interface Budget {
  readonly rounds: number;
  readonly steps: number;
  readonly learningRate: number;
  /** High for landmarks, where only the position counts; lower for masks, where the size counts. */
  readonly foregroundWeight: number;
  /** Weights of single heads. */
  readonly heads?: NonNullable<TrainingConfig['heads']>;
}

interface Budgets {
  readonly teachers: Readonly<Record<(typeof DEMO_TASKS)[number], Budget>>;
  /** Budget of the student with pseudo-labels and of the control with labels only. Equal, so that they can be compared. */
  readonly student: Budget;
}

const BUDGETS: Readonly<Record<'full' | 'quick', Budgets>> = {
  full: {
    teachers: {
      'hinge-points': { rounds: 4, steps: 60, learningRate: 1e-2, foregroundWeight: 8 },
      'membranous-septum': { rounds: 3, steps: 40, learningRate: 1e-2, foregroundWeight: 8 },
      calcification: { rounds: 8, steps: 40, learningRate: 5e-3, foregroundWeight: 5 },
    },
    student: { rounds: 5, steps: 36, learningRate: 1e-2, foregroundWeight: 8 },
  },
  quick: {
    teachers: {
      'hinge-points': { rounds: 2, steps: 2, learningRate: 1e-2, foregroundWeight: 8 },
      'membranous-septum': { rounds: 2, steps: 2, learningRate: 1e-2, foregroundWeight: 8 },
      calcification: { rounds: 2, steps: 2, learningRate: 5e-3, foregroundWeight: 5 },
    },
    student: { rounds: 3, steps: 1, learningRate: 1e-2, foregroundWeight: 8 },
  },
};

export const STUDENT_STAGE = 'student';
const CONTROL_STAGE = 'student-labels-only';
const PSEUDO_LABEL_STAGE = 'pseudo-label';
const teacherStage = (task: DefaultTaskId) => `teacher/${task}`;

/** Name of the student in the evaluation, which keeps its predictions. */
export const STUDENT_MODEL = 'student';

/** The demo's campaign: teachers, pseudo-labels, student, control, evaluation. */
export function campaignOf(scenario: Scenario): Campaign {
  const budgets = BUDGETS[scenario.profile === 'quick' ? 'quick' : 'full'];
  const trained = ({ rounds, ...training }: Budget) => ({
    rounds,
    training: { ...GRID, headWeights: 'classes' as const, ...training },
  });
  const student = (heads: Pick<Budget, 'heads'>) => ({
    model: SWIN_UNETR,
    aggregation: { strategy: 'fedavg' as const, untrained: 'skip' as const },
    ...trained({ ...budgets.student, ...heads }),
  });
  // The control loses the septum with the student's weights. It keeps those with which it does best.
  const weights = maskHeads(DEMO_TASKS.map((task) => TASKS[task]));
  const campaign: CampaignInput = {
    schema: 'fedcardio.campaign/1',
    id: `demo-${scenario.profile}-${scenario.seed}`,
    seed: scenario.seed,
    stages: [
      ...DEMO_TASKS.map((task) => ({
        kind: 'teacher' as const,
        name: teacherStage(task),
        task,
        model: UNET,
        ...trained(budgets.teachers[task]),
      })),
      { kind: 'pseudo-label', name: PSEUDO_LABEL_STAGE, teachers: DEMO_TASKS.map(teacherStage), soft: true },
      {
        kind: 'student',
        name: STUDENT_STAGE,
        tasks: [...DEMO_TASKS],
        pseudoLabels: PSEUDO_LABEL_STAGE,
        distillation: {},
        ...student(weights),
      },
      { kind: 'student', name: CONTROL_STAGE, tasks: [...DEMO_TASKS], ...student({}) },
      {
        kind: 'evaluate',
        name: 'evaluate',
        models: {
          ...Object.fromEntries(DEMO_TASKS.map((task) => [`teacher-${task}`, teacherStage(task)])),
          [STUDENT_MODEL]: STUDENT_STAGE,
          'student-labels-only': CONTROL_STAGE,
        },
        predictions: STUDENT_MODEL,
      },
    ],
  };
  return campaignSchema.parse(campaign);
}
