import { z } from 'zod';
import { code, markdownTable } from './markdown.ts';

/** The parts of a JSON Schema that describe a field. */
interface FieldSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: FieldSchema;
  readonly prefixItems?: readonly FieldSchema[];
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  readonly additionalProperties?: boolean | FieldSchema;
  readonly required?: readonly string[];
  readonly oneOf?: readonly FieldSchema[];
  readonly anyOf?: readonly FieldSchema[];
}

interface Section {
  readonly title: string;
  readonly schema: FieldSchema;
}

/**
 * Describes every field of a JSON file: a section with a table for the file and for each object in it.
 *
 * @param title of the first section
 * @throws Error when a field has no description
 */
export function fieldReference(title: string, schema: z.ZodType): string {
  const root = z.toJSONSchema(schema, { io: 'input' }) as FieldSchema;
  const pending: Section[] = [{ title, schema: root }];
  const done = new Map<string, string>();
  const sections: string[] = [];
  for (let next = pending.shift(); next; next = pending.shift()) {
    const same = JSON.stringify({ ...next.schema, description: undefined, default: undefined });
    const before = done.get(next.title);
    if (before === same) continue;
    if (before !== undefined) throw new Error(`Two objects are called ${next.title} and have different fields.`);
    done.set(next.title, same);
    sections.push(sectionOf(next));
    pending.push(...optionsOf(next.schema).flatMap(({ properties = {} }) => nestedIn(properties)));
  }
  return sections.join('\n\n');
}

/** The alternatives of a union of objects, or the object itself. */
const optionsOf = (schema: FieldSchema): readonly FieldSchema[] => schema.oneOf ?? [schema];

/** The objects in an object's fields, also in lists and records, each named after its field. */
const nestedIn = (properties: Readonly<Record<string, FieldSchema>>): readonly Section[] =>
  Object.entries(properties).flatMap(([title, field]) => {
    const values = typeof field.additionalProperties === 'object' ? field.additionalProperties : field;
    const schema = field.type === 'array' && field.items ? field.items : values;
    const objects = (schema.anyOf ?? [schema]).filter(({ properties, oneOf }) => properties || oneOf);
    return objects.map((schema) => ({ title: code(title), schema }));
  });

function sectionOf({ title, schema }: Section): string {
  if (!schema.oneOf) return `## ${title}\n\n${tableOf(schema, Object.keys(schema.properties ?? {}))}`;
  const { oneOf } = schema;
  const [first, ...others] = oneOf.map(({ properties = {} }) => properties);
  const common = Object.keys(first ?? {}).filter((name) =>
    others.every((properties) => JSON.stringify(properties[name]) === JSON.stringify(first?.[name])),
  );
  const options = oneOf.map((option) => {
    const names = Object.keys(option.properties ?? {}).filter((name) => !common.includes(name));
    const kind = names.find((name) => option.properties?.[name]?.const !== undefined) ?? '';
    const own = names.filter((name) => name !== kind);
    const heading = `### ${title} with ${code(kind)} ${code(JSON.stringify(option.properties?.[kind]?.const))}`;
    return [heading, option.description ?? '', own.length > 0 ? tableOf(option, own) : 'It has no fields of its own.']
      .filter((part) => part !== '')
      .join('\n\n');
  });
  const shared =
    common.length > 0 && schema.oneOf[0] ? [`Fields of all kinds:\n\n${tableOf(schema.oneOf[0], common)}`] : [];
  return [`## ${title}`, ...shared, ...options].join('\n\n');
}

const tableOf = ({ properties = {}, required = [] }: FieldSchema, names: readonly string[]): string =>
  markdownTable(
    ['field', 'type', 'default', 'meaning'],
    names.map((name) => {
      const field = properties[name] ?? {};
      if (field.description === undefined) throw new Error(`The field ${name} has no description.`);
      return [
        code(name),
        typeOf(field, name),
        required.includes(name) ? 'required' : defaultOf(field),
        field.description,
      ];
    }),
  );

function defaultOf({ default: value }: FieldSchema): string {
  // An object's own fields have defaults.
  if (value === undefined || JSON.stringify(value) === '{}') return '–';
  return code(JSON.stringify(value));
}

function typeOf(field: FieldSchema, name: string): string {
  if (field.const !== undefined) return code(JSON.stringify(field.const));
  if (field.enum) return field.enum.map((value) => code(JSON.stringify(value))).join(', ');
  if (field.anyOf) return field.anyOf.map((option) => typeOf(option, name)).join(' or ');
  if (field.prefixItems) return `list of ${field.prefixItems.map((item) => typeOf(item, name)).join(' and ')}`;
  if (field.oneOf || field.properties) return `[object](#${name.toLowerCase()})`;
  if (field.type === 'array') return `list of ${typeOf(field.items ?? {}, name)}`;
  if (field.type === 'object') return `object: name → ${typeOf(field.additionalProperties as FieldSchema, name)}`;
  return `${field.type}${rangeOf(field)}`;
}

/** Bounds of a number. JavaScript's safe integers, which zod states as bounds of every integer, are left out. */
function rangeOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: FieldSchema): string {
  const bounds = [
    ['≥', minimum],
    ['>', exclusiveMinimum],
    ['≤', maximum],
    ['<', exclusiveMaximum],
  ] as const;
  const stated = bounds.flatMap(([sign, bound]) =>
    bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? [] : [`${sign} ${bound}`],
  );
  return stated.length > 0 ? ` ${stated.join(', ')}` : '';
}
