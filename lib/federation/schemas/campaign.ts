import { z } from 'zod';
import type { StageOutput } from '../stages/kind.ts';
import { kindOf, type Stage, stageSchema } from '../stages/kinds.ts';
import type { References } from '../stages/references.ts';
import { id, sha256, time, version } from './common.ts';
import { privacySchema } from './privacy.ts';
import { taskSchema } from './task.ts';

/** A campaign as a researcher uploads it. */
export const campaignSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Path of `campaign.schema.json`, for editors.'),
    schema: version('campaign'),
    id: id.describe('Id of the campaign. It is a part of every key below `campaigns/`.'),
    seed: z.int().default(0).describe('Seed of all randomness: first weights, patches, augmentation.'),
    validation: z
      .strictObject({
        share: z
          .number()
          .positive()
          .max(0.5)
          .describe(
            "Share of a site's labelled training cases, rounded to whole cases. The last training case with a label of a task is never taken.",
          ),
      })
      .optional()
      .describe(
        'Training cases that every site holds back: no stage trains on them or gives them pseudo-labels. Which ones follows from the seed. Default: none.',
      ),
    purpose: z
      .string()
      .min(1)
      .max(1000)
      .optional()
      .describe('What the campaign is for, for the people at the sites who decide on it.'),
    privacy: privacySchema.optional().describe('Protection of the sites. Default: none beyond that of every campaign.'),
    stages: z.array(stageSchema).min(1).describe('The stages. A stage may refer to earlier ones only.'),
  })
  .superRefine((campaign, context) => {
    const earlier = new Map<string, StageOutput>();
    campaign.stages.forEach((stage, index) => {
      const report = (field: string, message: string) =>
        context.addIssue({ code: 'custom', path: ['stages', index, field], message });
      if (earlier.has(stage.name)) report('name', `stage name "${stage.name}" is used twice`);
      for (const [field, names] of Object.entries(stageReferences(stage))) {
        for (const name of names) {
          if (!earlier.has(name)) report(field, `"${name}" is not an earlier stage of this campaign`);
        }
      }
      const kind = kindOf(stage);
      for (const [field, message] of kind.faults(stage, earlier)) report(field, message);
      const usesValidation = validationField(stage);
      if (usesValidation !== undefined && !campaign.validation)
        report(usesValidation, 'needs validation cases: give the campaign "validation" with a share');
      earlier.set(stage.name, kind.output(stage));
    });
  });

/** The field with which a stage asks for validation cases. */
function validationField(stage: Stage): string | undefined {
  if ('validate' in stage && stage.validate) return 'validate';
  return stage.kind === 'evaluate' && stage.cases === 'validation' ? 'cases' : undefined;
}

/** The stages that a stage waits for, by the field that names them. */
export const stageReferences = (stage: Stage): References => kindOf(stage).references(stage);

/** A campaign with every default filled in. It is what runs; later uploads of campaign.json have no effect. */
export const planSchema = z.strictObject({
  schema: version('plan'),
  campaign: campaignSchema,
  /** Definitions of the campaign's tasks. A plan of a release without custom tasks has none. */
  tasks: z.array(taskSchema).optional(),
  /** SHA-256 of the planned campaign.json. */
  source: sha256,
  at: time,
  /** Why the campaign cannot tolerate one malicious site, for people; absent if it can. */
  warnings: z.array(z.string()).optional(),
});

/** Pauses of a running campaign, requested by a researcher. Rewritten with every change. */
export const controlSchema = z.strictObject({
  schema: version('control'),
  campaign: id,
  /** In order. `until` of the last is null while the campaign is paused. Deadlines do not advance during a pause. */
  pauses: z.array(z.strictObject({ from: time, until: time.nullable(), reason: z.string().optional() })),
});

/** How a campaign ended. */
export const outcomeSchema = z.strictObject({
  schema: version('outcome'),
  /** As in the key. Not necessarily a valid id, if the campaign was refused. */
  campaign: z.string(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  reason: z.string().optional(),
  /** If it completed: the last commit of each stage. Releases before this field wrote none. */
  commits: z.array(z.strictObject({ stage: z.string(), sha256 })).optional(),
  at: time,
});

/** A campaign with all defaults filled in. */
export type Campaign = z.infer<typeof campaignSchema>;
/** A campaign as it is written, without defaults. */
export type CampaignInput = z.input<typeof campaignSchema>;
/** `plan.json` of a campaign. */
export type Plan = z.infer<typeof planSchema>;
/** `control.json` of a campaign. */
export type Control = z.infer<typeof controlSchema>;
/** `outcome.json` of a campaign. */
export type Outcome = z.infer<typeof outcomeSchema>;
