import type { z } from 'zod';

export type Path = readonly (string | number)[];

/** Places in a document where a newer release could write something that this one does not know. */
export interface Places {
  /** Objects with a closed list of keys: they may get unknown keys. */
  readonly objects: readonly Path[];
  /** Texts out of a closed list, except versions: they may get unknown values. */
  readonly choices: readonly Path[];
}

const NONE: Places = { objects: [], choices: [] };
const joined = (all: readonly Places[]): Places => ({
  objects: all.flatMap(({ objects }) => objects),
  choices: all.flatMap(({ choices }) => choices),
});

/** The places in a value that its schema accepts. */
export function placesIn(schema: z.core.$ZodType, value: unknown, path: Path = []): Places {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
      return value === null || value === undefined ? NONE : placesIn(def.innerType, value, path);
    case 'enum':
      return { objects: [], choices: [path] };
    case 'literal':
      return typeof value === 'string' && path.at(-1) !== 'schema' ? { objects: [], choices: [path] } : NONE;
    case 'array':
      return joined((value as unknown[]).map((item, index) => placesIn(def.element, item, [...path, index])));
    case 'tuple':
      return joined(def.items.map((item, index) => placesIn(item, (value as unknown[])[index], [...path, index])));
    case 'union': {
      const option = def.options.find((option) => (option as z.ZodType).safeParse(value).success);
      return option ? placesIn(option, value, path) : NONE;
    }
    case 'record': {
      const isClosed = (def.keyType as z.core.$ZodTypes)._zod.def.type === 'enum';
      const inner = Object.entries(value as object).map(([key, item]) => placesIn(def.valueType, item, [...path, key]));
      return joined([{ objects: isClosed ? [path] : [], choices: [] }, ...inner]);
    }
    case 'object': {
      const record = value as Readonly<Record<string, unknown>>;
      const known = Object.entries(def.shape).filter(([key]) => Object.hasOwn(record, key));
      const inner = known.map(([key, field]) => placesIn(field, record[key], [...path, key]));
      return joined([{ objects: [path], choices: [] }, ...inner]);
    }
    default:
      return NONE;
  }
}

/** The object or value at a path. */
export const at = (value: unknown, path: Path): unknown =>
  path.reduce((inner, part) => (inner as Readonly<Record<string | number, unknown>>)[part], value);
