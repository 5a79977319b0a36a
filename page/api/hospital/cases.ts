import { z } from 'zod';
import { faultSchema, instant } from './common.ts';
import { LABEL_STATES, USES, VERDICTS } from './names.ts';

/** Rows of a page of the list. */
export const CASES_A_PAGE = 100;

export const casesQuerySchema = z.strictObject({
  /** From 1. */
  page: z.coerce.number().int().min(1).max(100_000).default(1),
  /** A part of the case's name. */
  search: z.string().max(255).optional(),
  verdict: z.enum(VERDICTS).optional(),
  use: z.enum(USES).optional(),
  /** Only cases with a label of this task. */
  task: z.string().max(255).optional(),
  /** Cases that were unread in the answer before, so that the next one is read at once. */
  unread: z.coerce.number().int().min(0).optional(),
});

const rowSchema = z.strictObject({
  case: z.string(),
  use: z.enum(USES),
  verdict: z.enum(VERDICTS),
  /** When intake accepted the case. */
  at: instant.optional(),
  labels: z.array(z.strictObject({ task: z.string(), state: z.enum(LABEL_STATES) })),
  /** Refused files, the first of them. */
  faults: z.array(faultSchema),
});

export const casesSchema = z.strictObject({
  /** Of all cases, whatever was asked for. */
  counts: z.record(z.enum(VERDICTS), z.int()),
  total: z.int(),
  /** Labels of each task over all cases. */
  labels: z.array(
    z.strictObject({
      task: z.string(),
      title: z.string(),
      teaching: z.int(),
      incomplete: z.int(),
      heldOut: z.int(),
    }),
  ),
  /** Cases that fit the query. */
  found: z.int(),
  page: z.int(),
  pages: z.int(),
  cases: z.array(rowSchema),
  /** Objects outside any case, the first of them. */
  strays: z.array(faultSchema),
});

export type Cases = z.infer<typeof casesSchema>;
export type CasesQuery = z.output<typeof casesQuerySchema>;
export type CaseRow = Cases['cases'][number];
/** What of a site's cases is listed. */
export type CaseFilter = Partial<Omit<CasesQuery, 'unread'>>;
