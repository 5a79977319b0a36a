import { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, test } from 'vitest';
import { FUNCTIONS } from '../lib/federation/functions.ts';
import { METRICS, METRICS_NAMESPACE, metricDimensions } from '../lib/federation/metrics.ts';
import type { Federation } from '../lib/federation/schemas.ts';
import { names, topologyOf } from '../lib/federation/topology.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

/** A metric of CloudWatch. */
interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** Ids with parts that CloudWatch divides: at dashes and before digits. */
const IDS = ['heart', 'heart-2', 'aorta2b'];

describe.each(IDS)('the dashboard of federation %s', (id) => {
  const federation: Federation = { ...FEDERATION, id };
  const metrics = metricsOf(federation);
  let graphs: readonly { readonly title: string; readonly expressions: readonly string[] }[];
  beforeAll(() => {
    const { template } = synthesizeAll(federation).find(({ stackName }) => stackName === `${id}-observability`) ?? {};
    const [dashboard] = Object.values(
      Template.fromJSON(template as Record<string, unknown>).findResources('AWS::CloudWatch::Dashboard'),
    );
    graphs = graphsOf(dashboard?.Properties.DashboardBody);
  });

  test('has twelve graphs, and something to show in each', () => {
    expect(graphs).toHaveLength(12);
    for (const { title, expressions } of graphs) {
      for (const expression of expressions)
        expect(found(expression, metrics), `${title}: ${expression}`).not.toEqual([]);
    }
  });

  test.each([
    ['Dead letters', (name: string) => name.endsWith('-dlq')],
    ['Oldest message, seconds', (name: string) => !name.endsWith('-dlq')],
  ])('shows all queues of its kind as %s', (title, isOfKind) => {
    const shown =
      graphs.find((graph) => graph.title === title)?.expressions.flatMap((one) => found(one, metrics)) ?? [];

    const queues = topologyOf(federation).queues.flatMap(({ name, deadLetterQueue }) => [name, deadLetterQueue]);
    expect(shown.map(({ dimensions }) => dimensions.QueueName).sort()).toEqual(queues.filter(isOfKind).sort());
  });

  test('shows every function', () => {
    const shown = graphs.find(({ title }) => title === 'Errors of functions')?.expressions ?? [];

    expect(
      new Set(shown.flatMap((one) => found(one, metrics)).map(({ dimensions }) => dimensions.FunctionName)),
    ).toEqual(new Set(functionsOf(federation)));
  });
});

describe("CloudWatch's search, by the examples of its user guide", () => {
  const custom = (name: string): Metric => ({ namespace: 'MyNamespace', name, dimensions: {} });

  test.each([
    ['{MyNamespace} count', 'CustomCount1', true],
    ['{MyNamespace} COUNT', 'CustomCount1', true],
    ['{MyNamespace} couNT', 'CustomCount1', false],
    ['{MyNamespace} CustomCount', 'CustomCount1', true],
    ['{MyNamespace} Count1', 'CustomCount1', true],
    ['{MyNamespace} "CustomCount1"', 'CustomCount1', true],
    ['{MyNamespace} "Custom"', 'CustomCount1', false],
    ['{MyNamespace} network-errors', 'Network-Errors-2', true],
    ['{MyNamespace} "Network_Errors_2"', 'Network-Errors-2', false],
    ['{MyNamespace} NOT custom', 'CustomCount1', false],
  ])('%s finds %s: %s', (query, name, expected) => {
    expect(found(`SEARCH('${query}', 'Sum', 300)`, [custom(name)])).toHaveLength(expected ? 1 : 0);
  });
});

test('the stack tells its topic and where the dashboard is', () => {
  const { template } = synthesizeAll(FEDERATION).find(({ stackName }) => stackName === 'heart-observability') ?? {};
  const outputs = Template.fromJSON(template as Record<string, unknown>).findOutputs('*');

  expect(Object.keys(outputs).toSorted()).toEqual(['AlarmTopicArn', 'DashboardUrl']);
  expect(outputs.DashboardUrl?.Value).toBe(
    'https://console.aws.amazon.com/cloudwatch/home?region=eu-central-1#dashboards/dashboard/heart',
  );
});

function functionsOf({ id, sites }: Federation): readonly string[] {
  const onAws = sites.filter(({ place }) => place !== 'on-premises');
  return FUNCTIONS.flatMap(({ name, scope }) =>
    scope === 'federation'
      ? [names.federationRole(id, name)]
      : scope === 'site'
        ? onAws.map((site) => names.siteRole(id, site.id, name))
        : [names.endpointsRole(id)],
  );
}

/** The metrics that AWS and the functions publish for a federation, and some of others. */
function metricsOf(federation: Federation): readonly Metric[] {
  const { id, sites } = federation;
  const metric = (namespace: string, name: string, dimensions: Metric['dimensions']): Metric => ({
    namespace,
    name,
    dimensions,
  });
  const ofFunctions = ['Errors', 'Duration', 'Throttles', 'Invocations'].flatMap((name) =>
    [...functionsOf(federation), 'other'].map((FunctionName) => metric('AWS/Lambda', name, { FunctionName })),
  );
  const queues = topologyOf(federation).queues.flatMap(({ name, deadLetterQueue }) => [name, deadLetterQueue]);
  const ofQueues = ['ApproximateNumberOfMessagesVisible', 'ApproximateAgeOfOldestMessage'].flatMap((name) =>
    [...queues, 'other-dlq', 'other'].map((QueueName) => metric('AWS/SQS', name, { QueueName })),
  );
  const own = Object.values(METRICS).flatMap((name) =>
    FUNCTIONS.flatMap(({ name: service, scope }) =>
      (scope === 'site' ? sites.map((site) => site.id) : [undefined]).map((site) =>
        metric(METRICS_NAMESPACE, name, metricDimensions(service, id, site)),
      ),
    ),
  );
  return [...ofFunctions, ...ofQueues, ...own];
}

/** The graphs of a dashboard whose body is a text with references in between. */
function graphsOf(body: unknown) {
  const parts = typeof body === 'string' ? [body] : (body as { 'Fn::Join': [string, unknown[]] })['Fn::Join'][1];
  const { widgets } = JSON.parse(parts.map((part) => (typeof part === 'string' ? part : 'x')).join('')) as {
    readonly widgets: readonly {
      readonly type: string;
      readonly properties: { readonly title: string; readonly metrics: readonly (readonly { expression: string }[])[] };
    }[];
  };
  return widgets
    .filter(({ type }) => type === 'metric')
    .map(({ properties: { title, metrics } }) => ({ title, expressions: metrics.flat().map((one) => one.expression) }));
}

/** What a SEARCH expression finds, by the CloudWatch user guide, "Search expression syntax". */
function found(expression: string, metrics: readonly Metric[]): readonly Metric[] {
  const [, schema = '', query = ''] = /^SEARCH\('\{([^}]*)\}\s*(.*)', '\w+', \d+\)$/.exec(expression) ?? [];
  const [namespace, ...dimensions] = schema.split(',').map((part) => part.trim());
  const terms = [...query.matchAll(/(NOT\s+)?(?:(\w+)=)?("[^"]*"|[^\s"]+)/g)].map(([, not, property, text = '']) => ({
    isWanted: not === undefined,
    property,
    text,
  }));
  return metrics.filter(
    (metric) =>
      metric.namespace === namespace &&
      Object.keys(metric.dimensions).sort().join() === dimensions.sort().join() &&
      terms.every(({ isWanted, property, text }) => matches(metric, property, text) === isWanted),
  );
}

function matches({ namespace, name, dimensions }: Metric, property: string | undefined, text: string): boolean {
  const texts =
    property === undefined
      ? [namespace, name, ...Object.entries(dimensions).flat()]
      : [property === 'MetricName' ? name : dimensions[property]].filter((one) => one !== undefined);
  if (text.startsWith('"')) return texts.includes(text.slice(1, -1));
  const wanted = tokensOf(text);
  return texts.some((one) => {
    const tokens = tokensOf(one);
    if (wanted.length === 1) return tokens.some((token) => token.toLowerCase() === wanted[0]?.toLowerCase());
    // Several tokens in a row: letters count as they are, unless the term has no capitals to tell its tokens apart.
    const isSame = (token: string | undefined, other: string | undefined) =>
      /[^A-Za-z0-9]/.test(text) ? token?.toLowerCase() === other?.toLowerCase() : token === other;
    return tokens.some((_, at) => wanted.every((token, offset) => isSame(tokens[at + offset], token)));
  });
}

/** A text's tokens: they begin with capitals and with digits, and end before other characters. */
const tokensOf = (text: string): readonly string[] => text.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+/g) ?? [];
