import type { z } from 'zod';
import type { Summary } from '../schemas/federation.ts';
import type { TaskId } from '../tasks.ts';
import { type References, referencesIn } from './references.ts';

/** A fault in a stage's configuration: the field and a message. */
export type Fault = readonly [field: string, message: string];

/** Results that later stages can use. */
export interface StageOutput {
  /** Tasks that the stage's model has learnt. */
  readonly tasks: readonly TaskId[];
  /** Whether the stage leaves a network whose body can be probed. */
  readonly body: 'none' | 'shared' | 'differs-by-site';
  /** Pseudo-labels that the stage leaves at the sites: class maps, or class maps and probabilities. */
  readonly pseudoLabels: 'none' | 'hard' | 'soft';
}

/** A site's counts that decide whether it can take part in a stage. */
type SiteCounts = Pick<Summary, 'cases' | 'labelled'>;

/**
 * All that the pipeline knows of one kind of stage besides the work of its GPU task. A new kind is one file with such a
 * definition, and an entry in the list of `kinds.ts`. The compiler then names the places that need a decision.
 */
export interface StageKind<S> {
  /** Tasks that the stage trains; none for a stage without training. */
  tasks(stage: S): readonly TaskId[];
  /** Cases of a site that the stage can train on, label or score; an upper bound. A site with 0 does not take part. */
  samples(stage: S, site: SiteCounts): number;
  /** Data that a site must have to take part, as the object of "no site has …". */
  need(stage: S): string;
  output(stage: S): StageOutput;
  /** Faults that the schema cannot express, given the stages before this one by name. */
  faults(stage: S, earlier: ReadonlyMap<string, StageOutput>): readonly Fault[];
}

/** Faults of a field that names stages whose models are used. Unknown names are reported elsewhere. */
const modelFaults = (
  field: string,
  names: readonly string[],
  earlier: ReadonlyMap<string, StageOutput>,
): readonly Fault[] =>
  names.flatMap((name) =>
    earlier.get(name)?.tasks.length === 0 ? [[field, `"${name}" trains no model`] as const] : [],
  );

/** Faults of models of which each is one stage, or an ensemble of stages that must have learnt the same tasks. */
export const ensembleFaults = (
  field: string,
  models: readonly (string | readonly string[])[],
  earlier: ReadonlyMap<string, StageOutput>,
): readonly Fault[] => [
  ...modelFaults(field, models.flat(), earlier),
  ...models.flatMap((model) => (typeof model === 'string' ? [] : differenceIn(field, model, earlier))),
];

function differenceIn(
  field: string,
  names: readonly string[],
  earlier: ReadonlyMap<string, StageOutput>,
): readonly Fault[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return [[field, `an ensemble names "${twice}" twice`]];
  const tasksOf = (name: string) => [...(earlier.get(name)?.tasks ?? [])].sort().join(', ');
  const [first, ...others] = names.filter((name) => tasksOf(name) !== '');
  const other = others.find((name) => first !== undefined && tasksOf(name) !== tasksOf(first));
  if (first === undefined || other === undefined) return [];
  return [
    [field, `"${first}" has learnt ${tasksOf(first)}, "${other}" ${tasksOf(other)}: an ensemble has the same tasks`],
  ];
}

type StageSchema = z.ZodObject<{ readonly kind: z.ZodLiteral<string>; readonly name: z.ZodString }>;

/** A kind of stage with its schema. The stages that it waits for are found by its schema: see {@link referencesIn}. */
export const defineStageKind = <S extends StageSchema>(
  schema: S,
  kind: StageKind<z.infer<S>>,
): StageKind<z.infer<S>> & { readonly schema: S; references(stage: z.infer<S>): References } => ({
  ...kind,
  schema,
  references: referencesIn(schema),
});
