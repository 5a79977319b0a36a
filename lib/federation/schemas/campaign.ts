import { z } from 'zod';
import { id, sha256, stageName, taskId, time, version } from './common.ts';
import { aggregationSchema, encodingSchema, modelSchema, quorumSchema, trainingSchema } from './learning.ts';

const stageBase = {
  name: stageName,
  /** Stages that must have completed before this one opens. */
  after: z.array(stageName).default([]),
  /** The sites that are asked, where not all: a model of one site alone is a stage of one. */
  sites: z.array(id).min(1).optional(),
  quorum: quorumSchema.prefault({}),
};
const rounds = z.int().positive();
const trained = {
  rounds,
  training: trainingSchema,
  aggregation: aggregationSchema.prefault({ strategy: 'fedavg' }),
  encoding: encodingSchema.prefault({}),
};
const learnt = {
  model: modelSchema,
  /** SHA-256 of the weights that it starts from, as `fedcardio import` stores them; without them, from the seed. */
  init: sha256.optional(),
  ...trained,
};

export const teacherStageSchema = z.strictObject({ kind: z.literal('teacher'), ...stageBase, task: taskId, ...learnt });

const pseudoLabelStageSchema = z.strictObject({
  kind: z.literal('pseudo-label'),
  ...stageBase,
  /** The teacher stages whose final models label what lacks a label. */
  teachers: z.array(stageName).min(1),
  filter: z
    .strictObject({
      /** Mean softmax probability over the predicted foreground, below which a pseudo-label is not used. */
      minConfidence: z.number().min(0).max(1).default(0.5),
      /** All landmarks found, one component each, distances within the anatomical range. */
      plausibility: z.boolean().default(true),
    })
    .prefault({}),
  /** Keep what the teachers made of every voxel, for students that learn from it. */
  soft: z.boolean().default(false),
});

const studentStageSchema = z.strictObject({
  kind: z.literal('student'),
  ...stageBase,
  tasks: z.array(taskId).min(1),
  /** The stage whose pseudo-labels stand in where there is no label; without it, labels alone. */
  pseudoLabels: stageName.optional(),
  /** What a pseudo-label counts beside a label: as much, or its confidence. */
  pseudoLabelWeight: z.enum(['equal', 'confidence']).default('equal'),
  /**
   * Soft distillation (Hinton et al. 2015) beside the hard pseudo-labels: cross-entropy with the teachers' class
   * probabilities, both at `temperature`, has the share `weight` of a pseudo-label's loss. Without it, hard alone.
   */
  distillation: z
    .strictObject({
      temperature: z.number().min(1).default(1),
      weight: z.number().positive().max(1).default(0.5),
    })
    .optional(),
  ...learnt,
});

/** What a body's features are good for: its last layer anew, for another task, with all else as it was. */
const probeStageSchema = z.strictObject({
  kind: z.literal('probe'),
  ...stageBase,
  /** The stage whose final model is probed. */
  of: stageName,
  task: taskId,
  ...trained,
});

const evaluateStageSchema = z.strictObject({
  kind: z.literal('evaluate'),
  ...stageBase,
  /** Name in the report → stage whose final model is scored at every site. */
  models: z.record(z.string(), stageName),
  /** Model of `models` whose predictions are written as NIfTI into the site's bucket. */
  predictions: z.string().optional(),
  /** Pairs of `models` that every site compares case by case, on the tasks that both learnt. */
  compare: z.array(z.tuple([z.string(), z.string()])).default([]),
});

export const stageSchema = z.discriminatedUnion('kind', [
  teacherStageSchema,
  pseudoLabelStageSchema,
  studentStageSchema,
  probeStageSchema,
  evaluateStageSchema,
]);

/** What a researcher uploads to start a campaign. */
export const campaignSchema = z
  .strictObject({ schema: version('campaign'), id, seed: z.int().default(0), stages: z.array(stageSchema).min(1) })
  .superRefine((campaign, context) => {
    const earlier = new Map<string, z.infer<typeof stageSchema>>();
    campaign.stages.forEach((stage, index) => {
      const complain = (path: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['stages', index, path], message });
      if (earlier.has(stage.name)) complain('name', `stage name "${stage.name}" is used twice`);
      for (const [path, names] of Object.entries(stageReferences(stage))) {
        for (const name of names) {
          if (!earlier.has(name)) complain(path, `"${name}" is not an earlier stage of this campaign`);
        }
      }
      for (const [path, message] of impossibilities(stage, earlier)) complain(path, message);
      earlier.set(stage.name, stage);
    });
  });

const tasksOfStage = (stage: z.infer<typeof stageSchema> | undefined): readonly string[] =>
  stage && 'task' in stage ? [stage.task] : stage && 'tasks' in stage ? stage.tasks : [];

/** What a stage wants of an earlier one that it is not, by the field that says so. */
function impossibilities(
  stage: z.infer<typeof stageSchema>,
  earlier: ReadonlyMap<string, z.infer<typeof stageSchema>>,
): readonly (readonly [path: string, message: string])[] {
  if (stage.kind === 'evaluate') {
    const named = [
      ...stage.compare.flat().map((name) => ['compare', name] as const),
      ...(stage.predictions === undefined ? [] : [['predictions', stage.predictions] as const]),
    ];
    return named.flatMap(([path, name]) =>
      name in stage.models ? [] : [[path, `"${name}" is none of this stage's models`]],
    );
  }
  if (stage.kind === 'pseudo-label') {
    const tasks = stage.teachers.flatMap((name) => tasksOfStage(earlier.get(name)));
    const twice = tasks.find((task, index) => tasks.indexOf(task) !== index);
    return twice ? [['teachers', `two of them have learnt ${twice}: a case gets one label of each task`]] : [];
  }
  if (stage.kind === 'probe') {
    const of = earlier.get(stage.of);
    if (!of) return [];
    if (of.kind === 'teacher' || of.kind === 'student') {
      if (of.training.localParameters.length === 0) return [];
      return [['of', `"${stage.of}" has parameters that stay at their sites: there is no one body to probe`]];
    }
    return [['of', `"${stage.of}" is neither a teacher nor a student: there is no body to probe`]];
  }
  if ('init' in stage && stage.init !== undefined && stage.training.localParameters.length > 0) {
    return [['init', 'cannot go with localParameters: a site that joins later would start from other weights']];
  }
  if (stage.kind !== 'student' || (!stage.distillation && stage.pseudoLabelWeight === 'equal')) return [];
  const path = stage.distillation ? 'distillation' : 'pseudoLabelWeight';
  if (stage.pseudoLabels === undefined) return [[path, 'is of pseudo-labels: name their stage in pseudoLabels']];
  const labels = earlier.get(stage.pseudoLabels);
  if (!stage.distillation || labels?.kind !== 'pseudo-label' || labels.soft) return [];
  return [[path, `"${stage.pseudoLabels}" keeps no probabilities: it needs "soft": true`]];
}

/** The stages that a stage waits for, by the field that names them. */
export function stageReferences(stage: z.infer<typeof stageSchema>): Readonly<Record<string, readonly string[]>> {
  return {
    after: stage.after,
    ...(stage.kind === 'pseudo-label' ? { teachers: stage.teachers } : {}),
    ...(stage.kind === 'student' && stage.pseudoLabels !== undefined ? { pseudoLabels: [stage.pseudoLabels] } : {}),
    ...(stage.kind === 'probe' ? { of: [stage.of] } : {}),
    ...(stage.kind === 'evaluate' ? { models: Object.values(stage.models) } : {}),
  };
}

/** The campaign with every default filled in: what runs, whatever is uploaded to `campaign.json` later. */
export const planSchema = z.strictObject({
  schema: version('plan'),
  campaign: campaignSchema,
  /** SHA-256 of the campaign.json that was planned. */
  source: sha256,
  at: time,
});

/** What a researcher wants of a campaign that runs. Written again with every change. */
export const controlSchema = z.strictObject({
  schema: version('control'),
  campaign: id,
  /** When it was paused and until when, in order; the last is open while it is paused. Deadlines stand still meanwhile. */
  pauses: z.array(z.strictObject({ from: time, until: time.nullable(), reason: z.string().optional() })),
});

export const outcomeSchema = z.strictObject({
  schema: version('outcome'),
  /** As in the key; of a campaign that was refused it need not be a valid id. */
  campaign: z.string(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  reason: z.string().optional(),
  at: time,
});

export type Campaign = z.infer<typeof campaignSchema>;
export type CampaignInput = z.input<typeof campaignSchema>;
export type Stage = z.infer<typeof stageSchema>;
export type TeacherStage = z.infer<typeof teacherStageSchema>;
export type PseudoLabelStage = z.infer<typeof pseudoLabelStageSchema>;
export type StudentStage = z.infer<typeof studentStageSchema>;
export type EvaluateStage = z.infer<typeof evaluateStageSchema>;
export type Plan = z.infer<typeof planSchema>;
export type Control = z.infer<typeof controlSchema>;
export type Outcome = z.infer<typeof outcomeSchema>;
