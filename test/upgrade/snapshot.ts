import { z } from 'zod';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import type { Template } from '../aws-tools/templates.ts';

const resourceSchema = z.strictObject({
  type: z.string(),
  /** Fixed name with its account and region, which no other resource of the type can have. */
  name: z.string().optional(),
  /** Values of the properties whose change replaces the resource. */
  replacing: z.record(z.string(), z.unknown()),
});

/** What decides on the effect of an update: by stack and logical id. */
export const snapshotSchema = z.record(z.string(), z.record(z.string(), resourceSchema));
export type ResourceSnapshot = z.infer<typeof resourceSchema>;
export type Snapshot = z.infer<typeof snapshotSchema>;

/** A job definition of the same name is a revision; an inline policy's name is its role's own. */
const SHARED_NAMES = ['AWS::Batch::JobDefinition', 'AWS::IAM::Policy'];

/** A snapshot of stacks, with the properties that replace a resource by type. */
export const snapshotOf = (
  stacks: readonly StackTemplate[],
  replacing: ReadonlyMap<string, readonly string[]>,
): Snapshot =>
  Object.fromEntries(
    stacks.map((stack) => [
      stack.stackName,
      Object.fromEntries(
        Object.entries((stack.template as Template).Resources).map(([id, { Type, Properties = {} }]) => {
          const values = (replacing.get(Type) ?? []).filter((key) => key in Properties);
          const name = nameOf(stack, Type, Properties);
          return [
            id,
            {
              type: Type,
              ...(name === undefined ? {} : { name }),
              replacing: Object.fromEntries(values.map((key) => [key, Properties[key]])),
            },
          ];
        }),
      ),
    ]),
  );

/** `BucketName` of a bucket, `Name` of a schedule, behind the place in which it must be unique. */
function nameOf(
  { account, region }: StackTemplate,
  type: string,
  properties: Readonly<Record<string, unknown>>,
): string | undefined {
  const name = properties[`${type.split('::').at(-1)}Name`] ?? properties.Name;
  if (name === undefined || SHARED_NAMES.includes(type)) return undefined;
  const place = type === 'AWS::S3::Bucket' ? [] : type.startsWith('AWS::IAM::') ? [account] : [account, region];
  return [...place, typeof name === 'string' ? name : JSON.stringify(name)].join('/');
}
