import type * as batch from 'aws-cdk-lib/aws-batch';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type * as sns from 'aws-cdk-lib/aws-sns';
import { Duration, type Stack } from 'aws-cdk-lib/core';
import { FEDERATION_FUNCTIONS, type FunctionName, MERGING_FUNCTIONS } from '../lib/federation/functions.ts';
import { METRICS, METRICS_NAMESPACE, type MetricName, metricDimensions } from '../lib/federation/metrics.ts';
import type { QueueSpec } from '../lib/federation/topology.ts';

/** Names of the runbooks: docs/operation/<name>.md explains an alarm or a notice and what to do. */
export const RUNBOOKS = [
  'dead-letters',
  'job-failed',
  'job-stuck',
  'endpoints-failed',
  'round-overdue',
  'quorum-missing',
  'merge-failed',
  'campaign-failed',
  'sweep-missing',
  'rescan-missing',
] as const;
type Runbook = (typeof RUNBOOKS)[number];

const todo = (runbook: Runbook): string => `What to do: docs/operation/${runbook}.md`;

const MINUTES = Duration.minutes(5);

interface AlarmSpec {
  readonly id: string;
  readonly runbook: Runbook;
  readonly says: string;
  readonly metric: cloudwatch.IMetric;
  /** Threshold above which the alarm is raised. Default: 0. */
  readonly above?: number;
}

function addAlarm(stack: Stack, topic: sns.ITopic, { id, runbook, says, metric, above = 0 }: AlarmSpec): void {
  const alarm = new cloudwatch.Alarm(stack, id, {
    alarmDescription: `${says} ${todo(runbook)}`,
    metric,
    threshold: above,
    comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
  });
  alarm.addAlarmAction(new actions.SnsAction(topic));
}

/** Alarms of dead-letter queues: a function failed to handle a message five times. */
export function addQueueAlarms(stack: Stack, topic: sns.ITopic, queues: readonly QueueSpec[]): void {
  for (const { handler, deadLetterQueue } of queues) {
    addAlarm(stack, topic, {
      id: `${handler}DeadLetters`,
      runbook: 'dead-letters',
      says: `Messages are in ${deadLetterQueue}.`,
      metric: new cloudwatch.Metric({
        namespace: 'AWS/SQS',
        metricName: 'ApproximateNumberOfMessagesVisible',
        dimensionsMap: { QueueName: deadLetterQueue },
        statistic: 'Maximum',
        period: MINUTES,
      }),
    });
  }
}

/** A metric that a function publishes. */
const ownMetric = (service: FunctionName, federation: string, metricName: MetricName, statistic: string) =>
  new cloudwatch.Metric({
    namespace: METRICS_NAMESPACE,
    metricName,
    dimensionsMap: metricDimensions(service, federation),
    statistic,
    period: MINUTES,
  });

export interface SiteWatch {
  readonly site: string;
  readonly queues: readonly QueueSpec[];
  /** Matches failed jobs. */
  readonly failed: events.Rule;
  readonly jobQueue: batch.JobQueue;
  /** Name of the function that makes up for lost events. */
  readonly rescan: string;
  readonly topic: sns.ITopic;
}

/**
 * What a site's team is told of. Alarms cost money by the month, events do not: those of Batch go to the topic directly, and
 * so do those that a function did not handle (functions.ts).
 */
export function addSiteAlarms(stack: Stack, { site, queues, failed, jobQueue, rescan, topic }: SiteWatch): void {
  addQueueAlarms(stack, topic, queues);
  addMissingAlarm(stack, topic, rescan, {
    id: 'RescanMissing',
    says: 'The rescan has not run for three hours.',
    runbook: 'rescan-missing',
    period: Duration.hours(3),
  });
  const detail = (name: string) => events.EventField.fromPath(`$.detail.${name}`);
  tell(
    failed,
    topic,
    'job-failed',
    `A GPU task of ${site} has failed after all its retries: ${detail('jobName')} (${detail('jobId')}): ${detail('statusReason')}. If it has not answered, its round continues without it or starts it again.`,
  );
  // Batch has no metric for waiting jobs. It sends an event when a queue's first job cannot start.
  const stuck = new events.Rule(stack, 'JobStuck', {
    description: 'The first job of the queue cannot start',
    eventPattern: {
      source: ['aws.batch'],
      detailType: ['Batch Job Queue Blocked'],
      detail: { jobQueue: [jobQueue.jobQueueArn] },
    },
  });
  tell(stuck, topic, 'job-stuck', `A GPU task of ${site} is RUNNABLE and gets no host: ${detail('statusReason')}.`);
}

/** Sends a text for each event that the rule matches. */
export function tell(rule: events.Rule, topic: sns.ITopic, runbook: Runbook, says: string): void {
  const message = events.RuleTargetInput.fromText(`${says} ${todo(runbook)}`);
  rule.addTarget(new targets.SnsTopic(topic, { message }));
}

/** Alarms of rounds and campaigns. */
export function addRoundAlarms(stack: Stack, topic: sns.ITopic, federation: string): void {
  addAlarm(stack, topic, {
    id: 'RoundOverdue',
    runbook: 'round-overdue',
    says: 'A round is open ten minutes after its deadline.',
    metric: ownMetric('sweep', federation, METRICS.roundOverdue, 'Maximum'),
    above: 600,
  });
  addAlarm(stack, topic, {
    id: 'QuorumMissing',
    runbook: 'quorum-missing',
    says: 'A round is in the last quarter of its time without quorum.',
    metric: ownMetric('sweep', federation, METRICS.roundsShortOfQuorum, 'Maximum'),
  });
  for (const service of MERGING_FUNCTIONS) {
    addAlarm(stack, topic, {
      id: `${service}MergesFailed`,
      runbook: 'merge-failed',
      says: `A large merge that ${service} submitted has failed.`,
      metric: ownMetric(service, federation, METRICS.mergesFailed, 'Sum'),
    });
  }
  addAlarm(stack, topic, {
    id: 'CampaignsFailed',
    runbook: 'campaign-failed',
    says: 'A campaign has ended as failed, or the sweep could not advance it.',
    metric: new cloudwatch.MathExpression({
      expression: 'SUM(METRICS())',
      usingMetrics: {
        ...Object.fromEntries(
          FEDERATION_FUNCTIONS.map((service) => [
            service,
            ownMetric(service, federation, METRICS.campaignsFailed, 'Sum'),
          ]),
        ),
        stalled: ownMetric('sweep', federation, METRICS.sweepsFailed, 'Sum'),
      },
      label: 'Campaigns',
      period: MINUTES,
    }),
  });
}

/** Alarm of a sweep that does not run: without it, no deadline takes effect. */
export const addSweepAlarm = (stack: Stack, topic: sns.ITopic, functionName: string): void =>
  addMissingAlarm(stack, topic, functionName, {
    id: 'SweepMissing',
    says: 'The sweep has not run for five minutes.',
    runbook: 'sweep-missing',
    period: MINUTES,
  });

/** Alarm of a schedule that does not invoke its function. */
function addMissingAlarm(
  stack: Stack,
  topic: sns.ITopic,
  functionName: string,
  { id, says, runbook, period }: Pick<AlarmSpec, 'id' | 'says' | 'runbook'> & { readonly period: Duration },
): void {
  const alarm = new cloudwatch.Alarm(stack, id, {
    alarmDescription: `${says} ${todo(runbook)}`,
    metric: new cloudwatch.Metric({
      namespace: 'AWS/Lambda',
      metricName: 'Invocations',
      dimensionsMap: { FunctionName: functionName },
      statistic: 'Sum',
      period,
    }),
    threshold: 1,
    comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    evaluationPeriods: 1,
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
  });
  alarm.addAlarmAction(new actions.SnsAction(topic));
}
