import type { z } from 'zod';
import { stageNames } from '../schemas/common.ts';

/** Names of stages by the field that names them. */
export type References = Readonly<Record<string, readonly string[]>>;

/**
 * Finds the stages that a stage names: all values whose schema is `stageName`, except the stage's own name. A field
 * that names a stage is therefore waited for without being listed anywhere.
 *
 * @param schema schema of one kind of stage
 * @throws Error when the schema contains a type that this function does not know, since it could hide a name
 */
export function referencesIn(schema: z.ZodObject): (stage: Readonly<Record<string, unknown>>) => References {
  const fields = Object.entries(schema.shape as Readonly<Record<string, z.core.$ZodType>>)
    .filter(([field]) => field !== 'name')
    .map(([field, type]) => [field, collector(type)] as const);
  return (stage) => {
    const found = fields.map(([field, collect]) => [field, collect?.(stage[field]) ?? []] as const);
    return Object.fromEntries(found.filter(([, names]) => names.length > 0));
  };
}

type Collect = (value: unknown) => readonly string[];

/** Collects the names of stages in a parsed value; undefined when the type cannot contain one. */
function collector(type: z.core.$ZodType): Collect | undefined {
  // `get` follows clones such as those that `.describe()` makes; `has` does not.
  if (stageNames.get(type) !== undefined) return (value) => (typeof value === 'string' ? [value] : []);
  const { def } = (type as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'literal':
    case 'enum':
      return undefined;
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      return collector(def.innerType);
    case 'array':
      return ofItems(collector(def.element), listOf);
    case 'record':
      return both(
        ofItems(collector(def.keyType), (value) => Object.keys(recordOf(value))),
        ofItems(collector(def.valueType), (value) => Object.values(recordOf(value))),
      );
    case 'tuple':
      return def.items
        .map((item, index) => ofItems(collector(item), (value) => [listOf(value)[index]]))
        .reduce(both, undefined);
    case 'object':
      return Object.entries(def.shape)
        .map(([key, field]) => ofItems(collector(field), (value) => [recordOf(value)[key]]))
        .reduce(both, undefined);
    case 'union':
      // A value counts as a name when it stands where any of the options has a name.
      return def.options.map(collector).reduce(both, undefined);
    default:
      throw new Error(`referencesIn does not know the schema type "${def.type}": extend it.`);
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};

const ofItems = (collect: Collect | undefined, items: (value: unknown) => readonly unknown[]): Collect | undefined =>
  collect && ((value) => items(value).flatMap(collect));

const both = (first: Collect | undefined, second: Collect | undefined): Collect | undefined =>
  first && second ? (value) => [...first(value), ...second(value)] : (first ?? second);
