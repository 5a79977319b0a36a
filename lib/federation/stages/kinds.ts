import { z } from 'zod';
import { evaluate } from './evaluate.ts';
import type { StageKind } from './kind.ts';
import { probe } from './probe.ts';
import { pseudoLabel } from './pseudo-label.ts';
import type { References } from './references.ts';
import { student } from './student.ts';
import { teacher } from './teacher.ts';

/** Every kind of stage. The schema of stages, their types and all lookups derive from this list. */
export const STAGE_KINDS = [teacher, pseudoLabel, student, probe, evaluate] as const;

type SchemasOf<K> = { [I in keyof K]: K[I] extends { readonly schema: infer S } ? S : never };

/** A stage of a campaign, of any kind. */
export const stageSchema = z.discriminatedUnion(
  'kind',
  STAGE_KINDS.map(({ schema }) => schema) as unknown as SchemasOf<typeof STAGE_KINDS>,
);

/** A stage with all defaults filled in. */
export type Stage = z.infer<typeof stageSchema>;
export type PseudoLabelStage = Extract<Stage, { kind: 'pseudo-label' }>;
export type StudentStage = Extract<Stage, { kind: 'student' }>;
export type EvaluateStage = Extract<Stage, { kind: 'evaluate' }>;
/** A trivial baseline of an evaluation. */
export type Threshold = NonNullable<EvaluateStage['thresholds']>[number];

interface AnyStageKind extends StageKind<Stage> {
  references(stage: Stage): References;
}

const BY_KIND = new Map<Stage['kind'], AnyStageKind>(STAGE_KINDS.map((kind) => [kind.schema.shape.kind.value, kind]));

/** The definition of a stage's kind. */
export const kindOf = (stage: Stage): AnyStageKind => BY_KIND.get(stage.kind) as AnyStageKind;
