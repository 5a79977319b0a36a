import { z } from 'zod';
import { id, stageName, time, version } from './common.ts';
import { terms } from './round.ts';

/** Starts one GPU task at one site, with the terms of its round. */
export const gpuTaskMessageSchema = z.strictObject({
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

/**
 * The part of EventBridge's "Batch Job State Change" that is relied on: `detail` is what DescribeJobs says of the job
 * (AWS Batch User Guide, "Job state change events").
 */
export const batchJobEventSchema = z.object({
  source: z.literal('aws.batch'),
  'detail-type': z.literal('Batch Job State Change'),
  detail: z.object({
    jobId: z.string(),
    jobName: z.string(),
    status: z.string(),
    statusReason: z.string().optional(),
    attempts: z
      .array(
        z.object({
          statusReason: z.string().optional(),
          container: z.object({ exitCode: z.int().optional(), reason: z.string().optional() }).optional(),
        }),
      )
      .default([]),
    container: z
      .object({ environment: z.array(z.object({ name: z.string(), value: z.string().optional() })).default([]) })
      .default({ environment: [] }),
  }),
});

/** Who starts a Batch job, and which job it became: written before the job is submitted, and again after. */
export const jobSchema = z.strictObject({
  schema: version('job'),
  name: z.string(),
  holder: z.string(),
  /** Until then the holder is submitting the job; after that, with no `jobId`, nobody knows whether it was. */
  until: time,
  jobId: z.string().nullable(),
});

/** Names a round whose merge is to be done as a Batch job. */
export const mergeJobSchema = z.strictObject({ campaign: id, stage: stageName, round: z.int().positive() });

export type BatchJobEvent = z.infer<typeof batchJobEventSchema>;
export type Job = z.infer<typeof jobSchema>;
export type GpuTaskMessage = z.infer<typeof gpuTaskMessageSchema>;
