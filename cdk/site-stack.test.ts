import { Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

const SITE = FEDERATION.sites[0]?.id;
let stacks: ReturnType<typeof synthesizeAll>;
let site: Template;
let coordinator: Template;
let observability: Template;
/** The only topic of a stack. */
const topicOf = (template: Template) => Object.keys(template.findResources('AWS::SNS::Topic'))[0];
beforeAll(() => {
  stacks = synthesizeAll(FEDERATION);
  const templateOf = (name: string) =>
    Template.fromJSON(stacks.find(({ stackName }) => stackName === name)?.template as Record<string, unknown>);
  site = templateOf(`heart-site-${SITE}-compute`);
  coordinator = templateOf('heart-federation-compute');
  observability = templateOf('heart-observability');
});

test.each(['rescan', 'sweep', 'job-failed', 'endpoints'])('%s may write to its own log', (name) => {
  const found = stacks.flatMap(({ template }) => {
    const all = Template.fromJSON(template as Record<string, unknown>);
    return Object.values(all.findResources('AWS::Lambda::Function')).flatMap(({ Properties }) =>
      String(Properties.FunctionName).endsWith(name) ? [{ all, Properties }] : [],
    );
  });

  expect(found.length).toBeGreaterThan(0);
  for (const { all, Properties } of found) {
    const role = all.findResources('AWS::IAM::Role')[Properties.Role['Fn::GetAtt'][0]];
    const statements = role?.Properties.Policies.flatMap(
      (policy: { PolicyDocument: { Statement: readonly object[] } }) => policy.PolicyDocument.Statement,
    );
    expect(statements).toContainEqual({
      Effect: 'Allow',
      Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: { 'Fn::GetAtt': [Properties.LoggingConfig.LogGroup.Ref, 'Arn'] },
    });
  }
});

describe('schedules', () => {
  test.each([
    ["a site's rescan every hour", () => site, `heart-${SITE}-rescan`, 'rate(1 hour)'],
    ["the coordinator's sweep every minute", () => coordinator, 'heart-sweep', 'rate(1 minute)'],
  ])('invoke %s, repeat no failure, and report it', (_what, template, FunctionName, ScheduleExpression) => {
    const [id] = Object.keys(template().findResources('AWS::Lambda::Function', { Properties: { FunctionName } }));

    template().resourceCountIs('AWS::Scheduler::Schedule', 1);
    template().hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression,
      Target: { Arn: { 'Fn::GetAtt': [id, 'Arn'] }, RetryPolicy: Match.objectLike({ MaximumRetryAttempts: 0 }) },
    });
    // Without it, Lambda repeats a failed call twice, whatever the schedule says.
    template().hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: id },
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 1200,
      DestinationConfig: { OnFailure: { Destination: { Ref: topicOf(template()) } } },
    });
  });
});

test('job-failed is repeated, and an event that it did not handle is reported', () => {
  const [id] = Object.keys(
    site.findResources('AWS::Lambda::Function', { Properties: { FunctionName: `heart-${SITE}-job-failed` } }),
  );

  site.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
    FunctionName: { Ref: id },
    MaximumRetryAttempts: 2,
    MaximumEventAgeInSeconds: 6 * 3600,
    DestinationConfig: { OnFailure: { Destination: { Ref: topicOf(site) } } },
  });
});

describe('in a new account', () => {
  const functions = () =>
    [site, coordinator].flatMap(
      (template) =>
        Object.values(template.findResources('AWS::Lambda::Function')) as {
          readonly Properties: { readonly MemorySize: number; readonly ReservedConcurrentExecutions?: number };
        }[],
    );

  test('no function has more memory than it allows, or reserves concurrency', () => {
    expect(functions()).toHaveLength(7);
    for (const { Properties } of functions()) {
      expect(Properties.MemorySize).toBeLessThanOrEqual(3008);
      expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    }
  });

  test('queues limit how many instances of their function run', () => {
    for (const template of [site, coordinator]) {
      template.allResourcesProperties('AWS::Lambda::EventSourceMapping', {
        ScalingConfig: { MaximumConcurrency: Match.anyValue() },
      });
    }
  });
});

test('concurrency is reserved on request', () => {
  const stacks = synthesizeAll({ ...FEDERATION, reservedConcurrency: true });
  for (const { template } of stacks.filter(({ stackName }) => /(bonn|federation)-compute$/.test(stackName))) {
    Template.fromJSON(template as Record<string, unknown>).allResourcesProperties('AWS::Lambda::Function', {
      ReservedConcurrentExecutions: Match.anyValue(),
    });
  }
});

describe('what costs money while nothing runs', () => {
  /** CloudWatch charges for each metric of an alarm. */
  const metricsOf = (template: Template) => {
    const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm')) as {
      readonly Properties: { readonly Metrics?: readonly { readonly MetricStat?: unknown }[] };
    }[];
    const counts = alarms.map(
      ({ Properties }) => Properties.Metrics?.filter(({ MetricStat }) => MetricStat).length ?? 1,
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };

  test("a site's alarms have three metrics, the coordinator's eleven", () => {
    expect(metricsOf(site)).toBe(3);
    expect(metricsOf(observability)).toBe(11);
    expect(metricsOf(coordinator)).toBe(0);
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
