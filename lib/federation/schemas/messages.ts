import { z } from 'zod';
import { id, stageName, time, version } from './common.ts';
import { terms } from './round.ts';

/** Starts one GPU task at one site. Contains the terms of its round. */
export const gpuTaskMessageSchema = z.strictObject({
  /** Version 2 asks for a masked update: a release that does not know masks must not send a plain one. */
  schema: z.literal(['fedcardio.task/1', 'fedcardio.task/2']).describe('Format and version of this file.'),
  federation: id,
  site: id,
  ...terms,
  /** Whether the message was sent before: the site may then have answered already. */
  resent: z.boolean(),
});

/** The part of a GPU task message of any version that an answer needs. */
export const gpuTaskAddressSchema = z.object({
  federation: id,
  site: id,
  campaign: id,
  stage: stageName,
  round: z.int().positive(),
});

/** The fields used of S3's event notification. Keys are URL-encoded, with + for space. */
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
 * The fields used of EventBridge's "Batch Job State Change". `detail` has the form of a job in DescribeJobs (AWS Batch
 * User Guide, "Job state change events").
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

/** A claim to submit a Batch job. Written before the submission, and again with the job id after it. */
export const jobSchema = z.strictObject({
  schema: version('job'),
  name: z.string(),
  holder: z.string(),
  /** The owner is submitting the job until then. Later, without `jobId`, it is unknown whether the job was submitted. */
  until: time,
  jobId: z.string().nullable(),
});

/** The round that a Batch job merges. */
export const mergeJobSchema = z.strictObject({ campaign: id, stage: stageName, round: z.int().positive() });

export type BatchJobEvent = z.infer<typeof batchJobEventSchema>;
export type Job = z.infer<typeof jobSchema>;
export type GpuTaskAddress = z.infer<typeof gpuTaskAddressSchema>;
/** Message on a site's GPU task queue: one round's work. */
export type GpuTaskMessage = z.infer<typeof gpuTaskMessageSchema>;
