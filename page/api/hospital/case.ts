import { z } from 'zod';
import { faultSchema, instant } from './common.ts';
import { LABEL_STATES, USES, VERDICTS } from './names.ts';

const triple = z.tuple([z.number(), z.number(), z.number()]);

const classSchema = z.strictObject({
  /** Value in the class map. */
  label: z.int(),
  title: z.string(),
});

/** A class map or points about a case. */
const findingSchema = z.strictObject({
  /** Unique within the case. */
  id: z.string(),
  from: z.enum(['label', 'pseudo-label', 'prediction']),
  /** Stage or model that it comes from; absent for a label. */
  origin: z.strictObject({ campaign: z.string(), stage: z.string() }).optional(),
  task: z.string(),
  title: z.string(),
  kind: z.enum(['landmarks', 'segmentation']),
  classes: z.array(classSchema),
  /** Key of the class map; absent for points. */
  volume: z.string().optional(),
  /** Of a label. */
  state: z.enum(LABEL_STATES).optional(),
  /** Of a pseudo-label. */
  quality: z
    .strictObject({
      confidence: z.number(),
      accepted: z.boolean(),
      /** Names of the checks that it failed. */
      failed: z.array(z.string()),
    })
    .optional(),
});

export const caseSchema = z.strictObject({
  case: z.string(),
  use: z.enum(USES),
  verdict: z.enum(VERDICTS),
  /** The CT that intake accepted. */
  image: z
    .strictObject({
      key: z.string(),
      bytes: z.int(),
      sha256: z.string(),
      shape: triple,
      /** mm. */
      spacing: triple,
      orientation: z.string(),
      /** HU. */
      range: z.tuple([z.number(), z.number()]),
      at: instant,
    })
    .optional(),
  findings: z.array(findingSchema),
  /** Why some pseudo-labels or predictions are missing in `findings`. */
  unlisted: z.array(z.string()),
  faults: z.array(faultSchema),
});

const pointSchema = z.strictObject({
  task: z.string(),
  /** Its class. */
  label: z.int(),
  title: z.string(),
  /** World (RAS), mm; null if it was not found. */
  position: triple.nullable(),
});

const measurementSchema = z.strictObject({
  id: z.string(),
  title: z.string(),
  unit: z.enum(['mm', 'mm³']),
  value: z.number().nullable(),
  reason: z.string().optional(),
  doubts: z.array(z.string()),
});

/** Of the labels, of each pseudo-label stage and of each model. */
export const pointsSchema = z.strictObject({
  sets: z.array(
    z.strictObject({
      from: z.enum(['label', 'pseudo-label', 'prediction']),
      origin: z.strictObject({ campaign: z.string(), stage: z.string() }).optional(),
      points: z.array(pointSchema),
      measurements: z.array(measurementSchema),
      /** Why points of a finding are missing. */
      unreadable: z.array(z.string()),
    }),
  ),
});

export const volumeQuerySchema = z.strictObject({ key: z.string().min(1).max(1024) });

export type Case = z.infer<typeof caseSchema>;
export type Finding = Case['findings'][number];
export type Points = z.infer<typeof pointsSchema>;
export type PointSet = Points['sets'][number];
