import { z } from 'zod';

export const instant = z.iso.datetime();

/** Why something was refused, and what to do. */
export const faultSchema = z.strictObject({
  /** Key of an object, or path of a file. */
  file: z.string(),
  code: z.string(),
  reason: z.string(),
  hint: z.string().optional(),
});

/** What was seen last; a request with it is answered when there is something newer, or after some seconds. */
export const afterSchema = z.strictObject({
  after: z.coerce.number().int().min(0).optional(),
  /** Counts a reader's requests, so that none gets an answer that was kept for an earlier one. */
  asked: z.coerce.number().int().min(0).optional(),
});

export type Fault = z.infer<typeof faultSchema>;
