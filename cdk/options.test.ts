import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import type { Federation } from '../lib/federation/schemas.ts';
import { VERSION } from '../lib/version.ts';
import { FEDERATION, synthesizeAll } from './isolation/example-federation.ts';

/** Options of federation.json that add something to the stacks. */

const templatesOf = (federation: Federation) =>
  new Map(
    synthesizeAll(federation).map(
      ({ stackName, template }) => [stackName, Template.fromJSON(template as Record<string, unknown>)] as const,
    ),
  );
const [BONN, ULM, GRAZ, KIEL] = FEDERATION.sites as [Site, Site, Site, Site];
type Site = Federation['sites'][number];

describe('by default', () => {
  test('nothing is added that costs money or has side effects', () => {
    for (const template of templatesOf(FEDERATION).values()) {
      for (const type of ['AWS::SNS::Subscription', 'AWS::Budgets::Budget', 'AWS::CloudTrail::Trail']) {
        template.resourceCountIs(type, 0);
      }
    }
  });
});

describe('subscribers', () => {
  const subscribers = [
    'duty@hospital.example',
    'https://alarms.example/hook',
    'arn:aws:sqs:eu-central-1:111122223333:alarms',
    'arn:aws:lambda:eu-central-1:111122223333:function:page',
  ];
  const protocolsOf = (template: Template | undefined) =>
    Object.values(template?.findResources('AWS::SNS::Subscription') ?? {})
      .map((one) => (one as { Properties: { Protocol: string; Endpoint: string } }).Properties)
      .map(({ Protocol, Endpoint }) => [Protocol, Endpoint])
      .sort();
  const all = [
    ['email', subscribers[0]],
    ['https', subscribers[1]],
    ['lambda', subscribers[3]],
    ['sqs', subscribers[2]],
  ];

  test('of the federation receive the alarms of the coordinator, those of a site its own', () => {
    const templates = templatesOf({
      ...FEDERATION,
      subscribers,
      sites: [{ ...BONN, subscribers: ['bonn@hospital.example'] }, ULM, { ...KIEL, subscribers }],
    });

    expect(protocolsOf(templates.get('heart-federation-compute'))).toEqual(all);
    expect(protocolsOf(templates.get('heart-site-bonn-compute'))).toEqual([['email', 'bonn@hospital.example']]);
    expect(protocolsOf(templates.get('heart-site-ulm-compute'))).toEqual([]);
    expect(protocolsOf(templates.get('heart-site-kiel-compute'))).toEqual(all);
  });

  test('keep their subscription when the list is sorted otherwise, or names one twice', () => {
    const idsOf = (list: string[]) =>
      Object.keys(
        templatesOf({ ...FEDERATION, subscribers: list })
          .get('heart-federation-compute')
          ?.findResources('AWS::SNS::Subscription') ?? {},
      ).sort();

    expect(idsOf([...subscribers, ...subscribers].reverse())).toEqual(idsOf(subscribers));
  });
});

test('tags are on every resource that has some, roles included, except compute environments', () => {
  const tags = { 'cost-centre': 'cardiology 7' };
  const [plain, tagged] = [templatesOf(FEDERATION), templatesOf({ ...FEDERATION, tags })];

  for (const [name, template] of tagged) {
    const resources = template.toJSON().Resources as Readonly<Record<string, { Type: string; Properties?: object }>>;
    const before = plain.get(name)?.toJSON().Resources as typeof resources;
    for (const [id, { Type, Properties = {} }] of Object.entries(resources)) {
      const isTagged = JSON.stringify(Properties).includes('cardiology 7');
      if (TAGGED.includes(Type)) expect(isTagged, `${name}/${id}`).toBe(true);
      // CloudFormation replaces it when its tags change.
      if (Type === 'AWS::Batch::ComputeEnvironment') expect(Properties).toEqual(before[id]?.Properties);
    }
  }
});

const TAGGED = [
  'AWS::IAM::Role',
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
  'AWS::Lambda::Function',
  'AWS::EC2::VPC',
  'AWS::EC2::LaunchTemplate',
  'AWS::Batch::JobQueue',
  'AWS::SNS::Topic',
  'AWS::Logs::LogGroup',
];

test("a budget warns in the coordinator's account and once in each account of sites", () => {
  const budget = { usdPerMonth: 200, email: 'billing@hospital.example' };
  const linz = { ...GRAZ, id: 'linz', name: 'Linz' };
  const templates = templatesOf({ ...FEDERATION, budget, sites: [BONN, ULM, GRAZ, linz, KIEL] });

  const countOf = (template: Template) => Object.keys(template.findResources('AWS::Budgets::Budget')).length;
  const counts = [...templates].filter(([, template]) => countOf(template) > 0);
  expect(new Map(counts.map(([name, template]) => [name, countOf(template)]))).toEqual(
    new Map([
      ['heart-site-graz-compute', 1],
      ['heart-federation-compute', 1],
    ]),
  );
  templates.get('heart-federation-compute')?.hasResourceProperties('AWS::Budgets::Budget', {
    Budget: { BudgetType: 'COST', TimeUnit: 'MONTHLY', BudgetLimit: { Amount: 200, Unit: 'USD' } },
    NotificationsWithSubscribers: Match.arrayWith([
      Match.objectLike({ Subscribers: [{ SubscriptionType: 'EMAIL', Address: budget.email }] }),
    ]),
  });
});

test('an image by digest is run and pulled from its repository', () => {
  const digest = `sha256:${'0a'.repeat(32)}`;
  const image = `111122223333.dkr.ecr.eu-central-1.amazonaws.com/heart/tasks@${digest}`;
  const template = templatesOf({ ...FEDERATION, image, sites: [BONN] }).get('heart-site-bonn-compute') as Template;

  template.hasResourceProperties('AWS::Batch::JobDefinition', { ContainerProperties: { Image: image } });
  expect(template.findOutputs('ImageUri').ImageUri?.Value).toBe(image);
  const [role] = Object.values(
    template.findResources('AWS::IAM::Role', {
      Properties: { Description: 'Pulls the image and opens the log before the GPU task starts' },
    }),
  );
  expect(JSON.stringify(role)).toContain(':ecr:eu-central-1:111122223333:repository/heart/tasks"');
});

test('stacks tell the CLI what they have made, and export nothing', () => {
  const templates = templatesOf(FEDERATION);
  const outputsOf = (name: string) => Object.keys(templates.get(name)?.findOutputs('*') ?? {});

  expect(outputsOf('heart-site-bonn-compute')).toEqual(
    expect.arrayContaining([
      'UploadRoleArn',
      'WithdrawRoleArn',
      'TaskRoleArn',
      'JobQueueArn',
      'JobDefinitionArn',
      'AlarmTopicArn',
      'ImageUri',
    ]),
  );
  expect(outputsOf('heart-federation-compute')).toEqual(
    expect.arrayContaining(['ResearchRoleArn', 'MergeJobQueueArn']),
  );
  expect(outputsOf('heart-site-bonn-data').toSorted()).toEqual(['Bucket', 'IntakeQueueUrl', 'TaskQueueUrl']);
  expect(outputsOf('heart-site-kiel-data')).toEqual(['TaskQueueUrl']);
  expect(outputsOf('heart-federation-data').toSorted()).toEqual(['AggregateQueueUrl', 'Bucket', 'OrchestrateQueueUrl']);
  expect(outputsOf('heart-images')).toEqual(['RepositoryUri']);
});

test('one trail of each account and region records reads and writes of every bucket there', () => {
  const sites = [...FEDERATION.sites, ...['aachen', 'essen', 'trier'].map((id) => ({ id, name: id }))];
  const templates = templatesOf({ ...FEDERATION, sites, trail: true });
  const trails = [...templates].flatMap(([stack, template]) =>
    Object.values(template.findResources('AWS::CloudTrail::Trail')).map(({ Properties }) => ({ stack, Properties })),
  );

  expect(trails.map(({ stack }) => stack)).toEqual(['heart-trail', 'heart-trail-444455556666-eu-west-1']);
  const recorded = trails.map(({ Properties }) =>
    [...JSON.stringify(Properties.EventSelectors).matchAll(/s3:::([\w-]+)\/"/g)].map(([, bucket]) => bucket).toSorted(),
  );
  expect(recorded).toEqual([
    ['heart-federation', ...['aachen', 'bonn', 'essen', 'trier', 'ulm'].map((id) => `heart-site-${id}`)],
    ['heart-site-graz'],
  ]);
  templates.get('heart-trail')?.hasResourceProperties('AWS::CloudTrail::Trail', {
    IsLogging: true,
    EventSelectors: [Match.objectLike({ IncludeManagementEvents: false })],
  });
  templates.get('heart-trail')?.resourceCountIs('AWS::S3::Bucket', 1);
});

describe('the image repository', () => {
  const repository = '111122223333.dkr.ecr.eu-central-1.amazonaws.com/heart/tasks';
  const rulesOf = (federation: Federation): readonly Rule[] => {
    const [one] = Object.values(
      templatesOf(federation).get('heart-images')?.findResources('AWS::ECR::Repository') ?? {},
    );
    return JSON.parse(one?.Properties.LifecyclePolicy.LifecyclePolicyText).rules;
  };
  /** Images from the latest to the oldest, by tag. */
  const tags = [...Array.from({ length: 20 }, (_, index) => `9.${20 - index}.0`), '0.0.9', VERSION, '0.0.1'];

  test('keeps the latest images, and those that a stack names however old they are', () => {
    const sites = [{ ...BONN, image: `${repository}:0.0.9` }, ULM];

    expect(keptOf(tags, rulesOf({ ...FEDERATION, sites }))).toEqual([...tags.slice(0, 10), '0.0.9', VERSION]);
    expect(keptOf(tags, rulesOf(FEDERATION))).toEqual([...tags.slice(0, 10), VERSION]);
  });
});

interface Rule {
  readonly rulePriority: number;
  readonly selection: {
    readonly tagStatus: 'tagged' | 'any';
    readonly tagPatternList?: readonly string[];
    readonly countType: 'imageCountMoreThan';
    readonly countNumber: number;
  };
}

/**
 * What a lifecycle policy leaves of images, the latest first (ECR user guide, "Lifecycle policy evaluation"): rules are
 * evaluated as if alone, and an image that a rule matches is expired by no rule of lower priority.
 */
function keptOf(tags: readonly string[], rules: readonly Rule[]): readonly string[] {
  const ordered = rules.toSorted((a, b) => a.rulePriority - b.rulePriority);
  const matches = (tag: string, { selection }: Rule) =>
    selection.tagStatus === 'any' || selection.tagPatternList?.every((pattern) => pattern === tag) === true;
  return tags.filter((tag) => {
    const first = ordered.find((rule) => matches(tag, rule));
    const matched = tags.filter((other) => first && matches(other, first));
    return !first || matched.indexOf(tag) < first.selection.countNumber;
  });
}
