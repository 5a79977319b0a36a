import { z } from 'zod';
import { id, version } from './common.ts';
import { terms } from './round.ts';

/** Starts one GPU task at one site, with the terms of its round. */
export const taskMessageSchema = z.strictObject({
  schema: version('task'),
  federation: id,
  site: id,
  ...terms,
  /** Whether it was sent before: then the site may have answered already. */
  resent: z.boolean(),
});

/** The part of S3's event notification that is relied on. Keys are URL-encoded, with + for space. */
export const s3EventSchema = z.union([
  z.object({ Event: z.literal('s3:TestEvent') }),
  z.object({
    Records: z.array(
      z.object({
        eventVersion: z.string().regex(/^2\./),
        eventName: z.string(),
        eventTime: z.string(),
        s3: z.object({
          bucket: z.object({ name: z.string() }),
          object: z.object({ key: z.string(), size: z.number().optional(), eTag: z.string().optional() }),
        }),
      }),
    ),
  }),
]);

export type TaskMessage = z.infer<typeof taskMessageSchema>;
