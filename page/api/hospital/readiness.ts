import { z } from 'zod';
import { instant } from './common.ts';
import { READINESS_GROUPS } from './names.ts';

const findingSchema = z.strictObject({
  check: z.string(),
  status: z.enum(['failed', 'warning', 'ok', 'skipped']),
  found: z.string(),
  /** What to do. */
  cure: z.string().optional(),
});

export const readinessSchema = z.strictObject({
  version: z.int(),
  /** Undefined before the first check. */
  state: z
    .strictObject({
      isRunning: z.boolean(),
      startedAt: instant,
      endedAt: instant.optional(),
      groups: z.array(z.strictObject({ group: z.enum(READINESS_GROUPS), findings: z.array(findingSchema).optional() })),
    })
    .optional(),
});

export type ReadinessState = NonNullable<z.infer<typeof readinessSchema>['state']>;
export type Finding = z.infer<typeof findingSchema>;
