import { z } from 'zod';
import { count, id, perTask, time, version } from './common.ts';

const siteSchema = z.strictObject({ id, name: z.string().min(1) });

export const federationSchema = z
  .strictObject({
    schema: version('federation'),
    id,
    sites: z.array(siteSchema).min(1),
  })
  .superRefine((federation, context) => {
    const seen = new Set<string>();
    federation.sites.forEach((site, index) => {
      if (seen.has(site.id)) {
        context.addIssue({
          code: 'custom',
          path: ['sites', index, 'id'],
          message: `site id "${site.id}" is used twice`,
        });
      }
      seen.add(site.id);
    });
  });

/** Counts only: nothing of one patient. */
export const summarySchema = z.strictObject({
  schema: version('summary'),
  site: id,
  at: time,
  cases: z.strictObject({ training: count, evaluation: count, rejected: count }),
  /** Training cases with a label of the task. */
  labelled: perTask(count),
  /** Held-out cases with a label of the task. */
  labelledEvaluation: perTask(count),
});

export type Federation = z.infer<typeof federationSchema>;
export type Summary = z.infer<typeof summarySchema>;
