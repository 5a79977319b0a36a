import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { synthesizeAll } from '../../cdk/isolation/example-federation.ts';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { Federation } from '../../lib/federation/schemas.ts';

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly DependsOn?: string | readonly string[];
}

export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs?: Readonly<Record<string, unknown>>;
}

export const templateOf = (stack: StackTemplate): Template => stack.template as Template;

/**
 * The stacks of federations, each shape once, named NUMBER-STACK after the first federation that has it. Stacks of two sites
 * that differ only in id, account and name, all as long as the other's, are equal for a tool that checks templates one by
 * one. Logical ids and names of assets hold hashes of these.
 */
export const distinctStacks = (federations: readonly Federation[]): readonly StackTemplate[] => {
  const shapes = new Map<string, StackTemplate>();
  for (const [index, federation] of federations.entries()) {
    const words = wordsOf(federation);
    for (const stack of synthesizeAll(federation)) {
      const shape = shapeOf(stack, words);
      if (!shapes.has(shape)) shapes.set(shape, { ...stack, stackName: `${index + 1}-${stack.stackName}` });
    }
  }
  return [...shapes.values()];
};

/** What differs between the stacks of two sites, the longest first. */
const wordsOf = ({ account = '', sites }: Federation): readonly string[] => {
  const words = sites.flatMap((site) => [site.id, site.id.replaceAll('-', ''), site.name, site.account ?? site.id]);
  return [...new Set(words)].filter((word) => word !== account).sort((a, b) => b.length - a.length);
};

const shapeOf = ({ stackName, region, template }: StackTemplate, words: readonly string[]): string =>
  words
    .reduce(
      (text, word) => text.replaceAll(word, '·'.repeat(word.length)),
      JSON.stringify([stackName, region, template]),
    )
    .replaceAll(/[0-9A-F]{8,}|[0-9a-f]{64}/g, '#');

/** Writes each stack's template as FOLDER/REGION/STACK.template.json and returns the files by region. */
export function writeTemplates(
  stacks: readonly StackTemplate[],
  folder: string,
): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const { stackName, template, region = 'eu-central-1' } of stacks) {
    mkdirSync(join(folder, region), { recursive: true });
    const file = join(folder, region, `${stackName}.template.json`);
    writeFileSync(file, JSON.stringify(template, null, 1));
    files.set(region, [...(files.get(region) ?? []), file]);
  }
  return files;
}
