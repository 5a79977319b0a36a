import { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

let stacks: ReadonlyMap<string, Template>;
beforeAll(() => {
  stacks = new Map(
    synthesizeAll(FEDERATION).map(({ stackName, template }) => [
      stackName,
      Template.fromJSON(template as Record<string, unknown>),
    ]),
  );
});

/** Number of resources by type. */
function resourcesOf(stack: string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  const resources = (stacks.get(stack)?.toJSON().Resources ?? {}) as Readonly<
    Record<string, { readonly Type: string }>
  >;
  for (const { Type } of Object.values(resources)) counts[Type] = (counts[Type] ?? 0) + 1;
  return counts;
}

test('an on-premises site has a queue for its GPU tasks and no bucket', () => {
  expect(resourcesOf('heart-site-kiel-data')).toEqual({
    'AWS::SQS::Queue': 2,
    'AWS::SQS::QueuePolicy': 2,
  });
});

test.each([
  ['kiel', { 'AWS::RolesAnywhere::TrustAnchor': 1, 'AWS::RolesAnywhere::Profile': 1 }],
  ['jena', {}],
])('the machine of %s has one role, and an alarm of its dead letters', (site, more) => {
  expect(resourcesOf(`heart-site-${site}-compute`)).toEqual({
    'AWS::IAM::Role': 1,
    'AWS::CloudWatch::Alarm': 1,
    'AWS::SNS::Topic': 1,
    'AWS::SNS::TopicPolicy': 1,
    ...more,
  });
});

test('the stack tells what the credential process of the machine needs', () => {
  const outputs = stacks.get('heart-site-kiel-compute')?.findOutputs('*') ?? {};

  expect(Object.keys(outputs).toSorted()).toEqual(['AlarmTopicArn', 'ProfileArn', 'RoleArn', 'TrustAnchorArn']);
  const byPrincipal = stacks.get('heart-site-jena-compute')?.findOutputs('*') ?? {};
  expect(Object.keys(byPrincipal).toSorted()).toEqual(['AlarmTopicArn', 'RoleArn']);
});
