import { z } from 'zod';
import { faultSchema } from './common.ts';
import { USES } from './names.ts';

const own = { upload: z.string().max(64) };

export const uploadBeginSchema = z.strictObject({
  /** What cases are for unless their folder is `cases/` or `held-out/`. */
  use: z.enum(USES),
  files: z.int().positive(),
  bytes: z.int().nonnegative(),
});
export const uploadBegunSchema = z.strictObject(own);
export const uploadFileQuerySchema = z.strictObject({ ...own, path: z.string().min(1).max(1024) });
export const uploadOwnSchema = z.strictObject(own);
export const doneSchema = z.strictObject({});

const progress = z.strictObject({
  done: z.int(),
  total: z.int(),
  bytes: z.int().optional(),
  ofBytes: z.int().optional(),
});

/** What the check says of a case. */
const checkedSchema = z.strictObject({
  /** "." for files beside the cases. */
  case: z.string(),
  accepted: z.boolean(),
  faults: z.array(faultSchema),
  warnings: z.array(faultSchema),
});

const state = z.strictObject({
  upload: z.string(),
  use: z.enum(USES),
  phase: z.enum(['receiving', 'importing', 'checking', 'checked', 'sending', 'sent', 'failed']),
  progress: progress.optional(),
  /** Series of a DICOM export that became no case, or another kind of refusal of the whole folder. */
  refused: z.array(z.string()),
  /** After the check: cases with something to say come first; the rest are only counted. */
  checked: z.strictObject({ accepted: z.int(), total: z.int(), cases: z.array(checkedSchema) }).optional(),
  /** After sending. */
  sent: z.strictObject({ files: z.int(), bytes: z.int(), stored: z.int(), refused: z.array(checkedSchema) }).optional(),
  error: z.strictObject({ message: z.string(), hint: z.string().optional() }).optional(),
});

export const uploadSchema = z.strictObject({ version: z.int(), state: state.optional() });

export type UploadState = z.infer<typeof state>;
export type CheckedCase = z.infer<typeof checkedSchema>;
