import { Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

const SITE = FEDERATION.sites[0]?.id;
let site: Template;
let coordinator: Template;
beforeAll(() => {
  const stacks = synthesizeAll(FEDERATION);
  const templateOf = (name: string) =>
    Template.fromJSON(stacks.find(({ stackName }) => stackName === name)?.template as Record<string, unknown>);
  site = templateOf(`heart-site-${SITE}-compute`);
  coordinator = templateOf('heart-federation-compute');
});

describe('schedules', () => {
  test.each([
    ["a site's rescan every hour", () => site, `heart-${SITE}-rescan`, 'rate(1 hour)'],
    ["the coordinator's sweep every minute", () => coordinator, 'heart-sweep', 'rate(1 minute)'],
  ])('invoke %s, and do not repeat a failure', (_what, template, FunctionName, ScheduleExpression) => {
    const [id] = Object.keys(template().findResources('AWS::Lambda::Function', { Properties: { FunctionName } }));

    template().resourceCountIs('AWS::Scheduler::Schedule', 1);
    template().hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression,
      Target: { Arn: { 'Fn::GetAtt': [id, 'Arn'] }, RetryPolicy: Match.objectLike({ MaximumRetryAttempts: 0 }) },
    });
    // A second one would do the same work again.
    template().hasResourceProperties('AWS::Lambda::Function', { FunctionName, ReservedConcurrentExecutions: 1 });
  });
});

test('a rescan that does not run raises an alarm', () => {
  const alarms = site.findResources('AWS::CloudWatch::Alarm', {
    Properties: {
      Dimensions: [{ Name: 'FunctionName', Value: `heart-${SITE}-rescan` }],
      MetricName: 'Invocations',
      ComparisonOperator: 'LessThanThreshold',
      Period: 3 * 3600,
      TreatMissingData: 'breaching',
    },
  });

  expect(Object.keys(alarms)).toHaveLength(1);
});
