import { createHash } from 'node:crypto';
import type { Template } from './templates.ts';

/** What an adaptation needs to know of a deployment. */
export interface AdaptationContext {
  readonly account: string;
  readonly region: string;
  /** Whether the deployment will fail and be rolled back. */
  readonly rollsBack: boolean;
  /** The value of an output of a stack that was deployed before. */
  readonly outputOf: (stackName: string, output: string) => string;
}

export interface Adaptation {
  readonly what: string;
  /** What moto 5.2.5 lacks. */
  readonly why: string;
  readonly apply: (template: Template, context: AdaptationContext) => Template;
}

/** The service-linked role of AWS Batch, which docs/deployment.md has created before the first deployment. */
export const BATCH_ROLE = 'AWSServiceRoleForBatch';

/** Types that moto skips and to whose attributes templates refer. */
const SKIPPED = /^AWS::RolesAnywhere::/;

/** All changes that are made to the templates before moto gets them. Each fills a gap of moto, and changes nothing else. */
export const ADAPTATIONS: readonly Adaptation[] = [
  {
    what: 'Fn::GetStackOutput becomes the value of the output',
    why: 'The function is newer than moto: it leaves it unresolved, as an object.',
    apply: (template, { outputOf }) =>
      rewrite(template, (node) => {
        const reference = node['Fn::GetStackOutput'] as { StackName: string; OutputName: string } | undefined;
        return reference ? outputOf(reference.StackName, reference.OutputName) : node;
      }),
  },
  {
    what: 'attributes of AWS Batch resources become references',
    why: 'moto has no Fn::GetAtt for AWS::Batch. Its Ref returns the same ARN, as on AWS.',
    apply: (template) =>
      rewrite(template, (node) => {
        const id = attributeOwner(node, template, /^AWS::Batch::/);
        return id === undefined ? node : { Ref: id };
      }),
  },
  {
    what: 'compute environments name their service role',
    why: 'moto requires ServiceRole. AWS Batch takes the service-linked role.',
    apply: (template, { account }) =>
      properties(template, 'AWS::Batch::ComputeEnvironment', (given) => ({
        ServiceRole: `arn:aws:iam::${account}:role/aws-service-role/batch.amazonaws.com/${BATCH_ROLE}`,
        ...given,
      })),
  },
  {
    what: 'the type of compute environments is in upper case',
    why: 'moto accepts MANAGED only; CloudFormation ignores the case.',
    apply: (template) =>
      properties(template, 'AWS::Batch::ComputeEnvironment', (given) => ({
        ...given,
        Type: String(given.Type).toUpperCase(),
      })),
  },
  {
    what: 'attributes of resources that moto skips become ARNs that are made up',
    why: 'moto fails on Fn::GetAtt of a resource that it has skipped.',
    apply: (template, { account, region }) =>
      rewrite(template, (node) => {
        const id = attributeOwner(node, template, SKIPPED);
        return id === undefined ? node : `arn:aws:rolesanywhere:${region}:${account}:skipped/${id}`;
      }),
  },
  {
    what: 'the deletion policy RetainExceptOnCreate becomes Retain, or Delete if the creation is rolled back',
    why: 'moto knows Retain only, and would delete the resource with its stack.',
    apply: (template, { rollsBack }) => ({
      ...template,
      Resources: mapEntries(template.Resources, (resource) =>
        resource.DeletionPolicy === 'RetainExceptOnCreate'
          ? { ...resource, DeletionPolicy: rollsBack ? 'Delete' : 'Retain' }
          : resource,
      ),
    }),
  },
  {
    what: 'managed policies become inline policies of their roles',
    why: 'moto deletes a managed policy without detaching it, and then refuses to delete the role.',
    apply: (template) => ({
      ...template,
      Resources: mapEntries(template.Resources, (resource, id) => {
        if (resource.Type !== 'AWS::IAM::ManagedPolicy') return resource;
        const { PolicyDocument, Roles } = resource.Properties ?? {};
        return { ...resource, Type: 'AWS::IAM::Policy', Properties: { PolicyName: id, PolicyDocument, Roles } };
      }),
    }),
  },
  {
    what: 'the network stays when its stack is deleted',
    why: 'moto deletes no route tables with a stack, and then refuses to delete their network.',
    apply: (template) => ({
      ...template,
      Resources: mapEntries(template.Resources, (resource) =>
        resource.Type === 'AWS::EC2::VPC' ? { ...resource, DeletionPolicy: 'Retain' } : resource,
      ),
    }),
  },
  {
    what: 'the logical id of a job definition ends in a hash of its properties',
    why: 'moto does not update job definitions. With a new id it registers a revision, as CloudFormation does.',
    apply: (template) => {
      const ids = new Map(
        Object.entries(template.Resources)
          .filter(([, { Type }]) => Type === 'AWS::Batch::JobDefinition')
          .map(([id, { Properties }]) => [
            id,
            id + createHash('sha256').update(JSON.stringify(Properties)).digest('hex'),
          ]),
      );
      const Resources = Object.fromEntries(
        Object.entries(template.Resources).map(([id, resource]) => [ids.get(id) ?? id, resource]),
      );
      return rewrite({ ...template, Resources }, (node) => {
        const id = ids.get(String(node.Ref));
        return id === undefined ? node : { Ref: id };
      });
    },
  },
];

/** A template with all adaptations. */
export const adapt = (template: Template, context: AdaptationContext): Template =>
  ADAPTATIONS.reduce((adapted, { apply }) => apply(adapted, context), template);

type Node = Readonly<Record<string, unknown>>;

/** The logical id of the resource of a type whose attribute a node is. */
function attributeOwner(node: Node, { Resources }: Template, type: RegExp): string | undefined {
  const [id] = (node['Fn::GetAtt'] as readonly [string, string] | undefined) ?? [];
  return id !== undefined && type.test(Resources[id]?.Type ?? '') ? id : undefined;
}

const properties = (template: Template, type: string, change: (properties: Node) => Node): Template => ({
  ...template,
  Resources: mapEntries(template.Resources, (resource) =>
    resource.Type === type ? { ...resource, Properties: change(resource.Properties ?? {}) } : resource,
  ),
});

/** Replaces each object in a JSON value, from the leaves upward. */
const rewrite = <T>(value: T, replace: (node: Node) => unknown): T => {
  if (Array.isArray(value)) return value.map((item) => rewrite(item, replace)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return replace(mapEntries(value as Node, (item) => rewrite(item, replace))) as T;
};

const mapEntries = <T>(record: Readonly<Record<string, T>>, change: (value: T, key: string) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]));
