import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { type App, Stack } from 'aws-cdk-lib/core';
import { FEDERATION_FUNCTIONS } from '../lib/federation/functions.ts';
import { METRICS, METRICS_NAMESPACE, type MetricName } from '../lib/federation/metrics.ts';
import { names, placeOf, type Topology } from '../lib/federation/topology.ts';
import { addQueueAlarms, addRoundAlarms, addSweepAlarm } from './alarms.ts';
import type { FederationCompute } from './federation-stack.ts';
import { addOutputs } from './outputs.ts';
import { environmentOf, withoutBootstrapRule } from './stack-options.ts';

/** The federation's dashboard, and the coordinator's alarms. A site's alarms are in the site's stack. */
export function addObservabilityStack(app: App, topology: Topology, { topic }: FederationCompute): Stack {
  const { federation } = topology;
  const stack = new Stack(app, `${federation.id}-observability`, {
    ...environmentOf(placeOf(federation)),
    description: `fedcardio: dashboard and alarms of federation ${federation.id}`,
    synthesizer: withoutBootstrapRule(),
  });
  addQueueAlarms(
    stack,
    topic,
    topology.queues.filter(({ site }) => site === undefined),
  );
  addSweepAlarm(stack, topic, names.federationRole(federation.id, 'sweep'));
  addRoundAlarms(stack, topic, federation.id);
  const hasDashboard = federation.dashboard !== false;
  if (hasDashboard) addDashboard(stack, federation.id);
  addOutputs(stack, {
    AlarmTopicArn: topic.topicArn,
    DashboardUrl: hasDashboard
      ? `https://console.aws.amazon.com/cloudwatch/home?region=${stack.region}#dashboards/dashboard/${federation.id}`
      : undefined,
  });
  return stack;
}

/**
 * Metrics are searched for, not listed: a site that joins appears by itself, and 64 sites are one line each in the same
 * graph. Sites in other accounts appear if CloudWatch's cross-account observability is set up.
 */
function addDashboard(stack: Stack, federation: string): void {
  const own = (names: readonly MetricName[], statistic = 'Sum') =>
    names.map((name) =>
      search(
        `{${METRICS_NAMESPACE},federation,service} federation="${federation}" MetricName="${name}"`,
        statistic,
        name,
      ),
    );
  const perSite = (name: MetricName) =>
    search(`{${METRICS_NAMESPACE},federation,service,site} federation="${federation}" MetricName="${name}"`, 'Sum');
  // In double quotes, a name must be equal; without, it must have the words of the term (CloudWatch user guide, "Search
  // expression syntax"), so that other functions and queues whose names have the federation's id appear, too.
  const ofFunctions = (name: string, statistic: string) =>
    search(`{AWS/Lambda,FunctionName} FunctionName=${federation} MetricName="${name}"`, statistic);
  const ofQueues = (suffix: string, name: string) =>
    search(`{AWS/SQS,QueueName} QueueName=${federation} ${suffix} MetricName="${name}"`, 'Maximum');
  const rows: readonly (readonly (readonly [string, readonly cloudwatch.IMetric[]])[])[] = [
    [
      ['Rounds and campaigns', own([METRICS.roundsCommitted, METRICS.campaignsCompleted, METRICS.campaignsFailed])],
      ['Rounds past their deadline, seconds', own([METRICS.roundOverdue], 'Maximum')],
      ['Short of quorum', own([METRICS.roundsShortOfQuorum], 'Maximum')],
    ],
    [
      ['Cases examined, by site', [perSite(METRICS.casesExamined)]],
      ['Cases rejected, by site', [perSite(METRICS.casesRejected)]],
      ['Tasks failed; updates refused', own([METRICS.tasksFailed, METRICS.updatesRefused, METRICS.mergesFailed])],
    ],
    [
      ['Dead letters', [ofQueues('dlq', 'ApproximateNumberOfMessagesVisible')]],
      ['Oldest message, seconds', [ofQueues('NOT dlq', 'ApproximateAgeOfOldestMessage')]],
      ['Messages that failed', own([METRICS.recordsFailed, METRICS.tasksNotSent, METRICS.sweepsFailed])],
    ],
    [
      ['Errors of functions', [ofFunctions('Errors', 'Sum')]],
      ['Time of functions, p99 ms', [ofFunctions('Duration', 'p99')]],
      ['Throttled', [ofFunctions('Throttles', 'Sum')]],
    ],
  ];
  const dashboard = new cloudwatch.Dashboard(stack, 'Dashboard', { dashboardName: federation });
  dashboard.addWidgets(
    new cloudwatch.TextWidget({
      markdown: `# ${federation}\nRunbooks of the alarms: docs/operation/ in the repository. Functions: ${FEDERATION_FUNCTIONS.join(', ')}.`,
      width: 24,
      height: 2,
    }),
  );
  for (const row of rows) {
    dashboard.addWidgets(
      ...row.map(([title, left]) => new cloudwatch.GraphWidget({ title, left: [...left], width: 8 })),
    );
  }
}

const search = (query: string, statistic: string, label = '') =>
  new cloudwatch.MathExpression({ expression: `SEARCH('${query}', '${statistic}', 300)`, label, usingMetrics: {} });
