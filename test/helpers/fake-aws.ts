import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an AWS account answers. Tests change it as they need. */
export interface FakeAccount {
  account: string;
  /** Region that its identities can use; any if undefined. */
  region?: string;
  /** By service and code: `ec2/L-DB2E81BA`. */
  quotas: Record<string, number>;
  functions: { concurrent: number; unreserved: number };
  roles: string[];
  stacks: FakeStack[];
  vpcs: number;
  /** Zones, and the instance types that each offers. */
  zones: Record<string, string[]>;
  environments: number;
  jobQueues: number;
  /** Buckets of the account, and of others. */
  buckets: Record<string, 'own' | 'other'>;
  /** Digest by repository and tag: `heart/tasks:0.1.0`. */
  images: Record<string, string>;
  /** Arns or `PendingConfirmation`, by topic. */
  subscriptions: Record<string, string[]>;
  budgets: string[];
  /** Names of operations that are refused, such as `GetRole`. */
  denied: string[];
}

export interface FakeStack {
  name: string;
  status: string;
  reason?: string;
  drift?: string;
  outputs?: Record<string, string>;
  template?: unknown;
  resources?: { type: string; physicalId: string }[];
}

/** An account in which everything is as it should be before a deployment. */
export const readyAccount = (): FakeAccount => ({
  account: '111122223333',
  quotas: {
    'ec2/L-DB2E81BA': 64,
    'ec2/L-3819A6DF': 64,
    'ec2/L-1216C47A': 64,
    'ec2/L-34B43A08': 64,
    'vpc/L-F678F1CE': 5,
    'vpc/L-29B6F2EB': 50,
    's3/L-DC2B2D3D': 10_000,
  },
  functions: { concurrent: 1000, unreserved: 1000 },
  roles: ['AWSServiceRoleForBatch', 'AWSServiceRoleForEC2Spot', 'AWSServiceRoleForECS'],
  stacks: [{ name: 'CDKToolkit', status: 'UPDATE_COMPLETE', outputs: { BootstrapVersion: '29' } }],
  vpcs: 1,
  zones: Object.fromEntries(
    ['a', 'b', 'c'].map((zone) => [
      `eu-central-1${zone}`,
      ['g5.xlarge', 'g6.xlarge', 'c6i.xlarge', 'c5.xlarge', 'c6i.2xlarge', 'c5.2xlarge'],
    ]),
  ),
  environments: 0,
  jobQueues: 0,
  buckets: {},
  images: {},
  subscriptions: {},
  budgets: ['monthly'],
  denied: [],
});

/** Serves the requests of the real SDK about an account. `calls` lists their operations. */
export async function startFakeAws(state: FakeAccount) {
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const { operation, input, protocol } = operationOf(request, body);
    calls.push(operation);
    const region = /\/\d{8}\/([a-z0-9-]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (state.region !== undefined && region !== state.region && operation === 'GetCallerIdentity') {
      return refuse(response, protocol, 403, 'InvalidClientTokenId');
    }
    if (state.denied.includes(operation)) return refuse(response, protocol, 403, deniedCode(protocol));
    if (protocol === 's3') return answerS3(state, operation, input, response);
    const answer = ANSWERS[operation]?.(state, input, region);
    if (answer === undefined) return refuse(response, protocol, 400, notFoundCode(operation));
    send(response, 200, protocol, protocol === 'json' ? JSON.stringify(answer) : wrapped(operation, protocol, answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

type Input = Readonly<Record<string, unknown>>;
type Protocol = 'query' | 'ec2' | 'json' | 's3';

const EC2 = ['DescribeVpcs', 'DescribeAvailabilityZones', 'DescribeInstanceTypeOfferings', 'DescribeInstanceTypes'];
const REST: Readonly<Record<string, string>> = {
  '/2016-08-19/account-settings': 'GetAccountSettings',
  '/v1/describecomputeenvironments': 'DescribeComputeEnvironments',
  '/v1/describejobqueues': 'DescribeJobQueues',
};

function operationOf(request: IncomingMessage, body: string): { operation: string; input: Input; protocol: Protocol } {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
  const target = request.headers['x-amz-target'];
  if (typeof target === 'string') {
    return { operation: target.split('.')[1] ?? '', input: JSON.parse(body || '{}') as Input, protocol: 'json' };
  }
  const rest = REST[pathname];
  if (rest) return { operation: rest, input: JSON.parse(body || '{}') as Input, protocol: 'json' };
  if (request.method === 'HEAD')
    return { operation: 'HeadBucket', input: { bucket: pathname.split('/')[1] }, protocol: 's3' };
  if (request.method === 'GET')
    return { operation: 'ListBuckets', input: { prefix: searchParams.get('prefix') }, protocol: 's3' };
  const input = Object.fromEntries(new URLSearchParams(body));
  const operation = String(input.Action);
  return { operation, input, protocol: EC2.includes(operation) ? 'ec2' : 'query' };
}

const stackOf = ({ stacks }: FakeAccount, { StackName }: Input) => stacks.find(({ name }) => name === StackName);

/** vCPUs, GiB of memory, GPUs and architecture of instance types. */
const SIZES: Readonly<Record<string, readonly [number, number, number, string?]>> = {
  'g5.xlarge': [4, 16, 1],
  'g6.xlarge': [4, 16, 1],
  'g5g.xlarge': [4, 8, 1, 'arm64'],
  'c6i.xlarge': [4, 8, 0],
  'c5.xlarge': [4, 8, 0],
  'c6i.2xlarge': [8, 16, 0],
  'c5.2xlarge': [8, 16, 0],
};

const ANSWERS: Readonly<Record<string, (state: FakeAccount, input: Input, region: string) => object | undefined>> = {
  GetCallerIdentity: ({ account }) => ({ Account: account, Arn: `arn:aws:iam::${account}:role/deployer`, UserId: 'x' }),
  AssumeRole: (_, { RoleArn }) => ({
    Credentials: {
      AccessKeyId: 'ASIAEXAMPLE',
      SecretAccessKey: 'secret',
      SessionToken: RoleArn,
      Expiration: '2099-01-01T00:00:00Z',
    },
  }),
  GetServiceQuota: ({ quotas }, { ServiceCode, QuotaCode }) => {
    const Value = quotas[`${ServiceCode}/${QuotaCode}`];
    return Value === undefined ? undefined : { Quota: { QuotaCode, Value } };
  },
  GetAccountSettings: ({ functions }) => ({
    AccountLimit: {
      ConcurrentExecutions: functions.concurrent,
      UnreservedConcurrentExecutions: functions.unreserved,
    },
  }),
  GetRole: ({ roles, account }, { RoleName }) =>
    roles.includes(String(RoleName))
      ? {
          Role: {
            RoleName,
            Arn: `arn:aws:iam::${account}:role/${RoleName}`,
            Path: '/',
            RoleId: 'x',
            CreateDate: '2026-01-01T00:00:00Z',
          },
        }
      : undefined,
  DescribeStacks: ({ stacks }, { StackName }) => ({
    Stacks: stacks
      .filter(({ name }) => StackName === undefined || name === StackName)
      .map(({ name, status, reason, drift, outputs = {} }) => ({
        StackName: name,
        StackStatus: status,
        CreationTime: '2026-01-01T00:00:00Z',
        ...(reason ? { StackStatusReason: reason } : {}),
        ...(drift ? { DriftInformation: { StackDriftStatus: drift } } : {}),
        Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
      })),
  }),
  ListStackResources: (state, input) => ({
    StackResourceSummaries: (stackOf(state, input)?.resources ?? []).map(({ type, physicalId }, index) => ({
      LogicalResourceId: `R${index}`,
      PhysicalResourceId: physicalId,
      ResourceType: type,
      ResourceStatus: 'CREATE_COMPLETE',
      LastUpdatedTimestamp: '2026-01-01T00:00:00Z',
    })),
  }),
  GetTemplate: (state, input) => ({ TemplateBody: JSON.stringify(stackOf(state, input)?.template ?? {}) }),
  DescribeVpcs: ({ vpcs }) => ({ vpcSet: Array.from({ length: vpcs }, (_, index) => ({ vpcId: `vpc-${index}` })) }),
  DescribeAvailabilityZones: ({ zones }) => ({
    availabilityZoneInfo: Object.keys(zones).map((zoneName) => ({ zoneName, zoneState: 'available' })),
  }),
  DescribeInstanceTypeOfferings: ({ zones }) => ({
    instanceTypeOfferingSet: Object.entries(zones).flatMap(([location, types]) =>
      types.map((instanceType) => ({ instanceType, locationType: 'availability-zone', location })),
    ),
  }),
  DescribeInstanceTypes: (_, input) => ({
    instanceTypeSet: Object.entries(input)
      .filter(([name]) => name.startsWith('InstanceType.'))
      .map(([, instanceType]) => {
        const [vCpus = 4, gibibytes = 16, gpus = 0, architecture = 'x86_64'] = SIZES[String(instanceType)] ?? [];
        return {
          instanceType,
          vCpuInfo: { defaultVCpus: vCpus },
          memoryInfo: { sizeInMiB: gibibytes * 1024 },
          ...(gpus > 0 ? { gpuInfo: { gpus: [{ count: gpus }] } } : {}),
          processorInfo: { supportedArchitectures: [architecture] },
        };
      }),
  }),
  DescribeComputeEnvironments: ({ environments }) => ({
    computeEnvironments: Array.from({ length: environments }, () => ({})),
  }),
  DescribeJobQueues: ({ jobQueues }) => ({ jobQueues: Array.from({ length: jobQueues }, () => ({})) }),
  DescribeImages: ({ images }, input) => {
    const [id] = input.imageIds as readonly { readonly imageTag?: string; readonly imageDigest?: string }[];
    const found = Object.entries(images).find(
      ([name, digest]) =>
        name === `${input.repositoryName}:${id?.imageTag}` ||
        (name.startsWith(`${input.repositoryName}:`) && digest === id?.imageDigest),
    );
    return (
      found && { imageDetails: [{ imageDigest: found[1], imageSizeInBytes: 5.8e9, imagePushedAt: 1_790_000_000 }] }
    );
  },
  GetAuthorizationToken: () => ({
    authorizationData: [{ authorizationToken: Buffer.from('AWS:secret-token').toString('base64') }],
  }),
  ListSubscriptionsByTopic: ({ subscriptions }, { TopicArn }) => ({
    Subscriptions: (subscriptions[String(TopicArn)] ?? []).map((SubscriptionArn) => ({ SubscriptionArn })),
  }),
  DescribeBudgets: ({ budgets }) => ({
    Budgets: budgets.map((BudgetName) => ({ BudgetName, BudgetType: 'COST', TimeUnit: 'MONTHLY' })),
  }),
};

/** Errors of the services for something that is not there. */
const notFoundCode = (operation: string): string =>
  ({
    GetServiceQuota: 'NoSuchResourceException',
    GetAWSDefaultServiceQuota: 'NoSuchResourceException',
    GetRole: 'NoSuchEntity',
    DescribeImages: 'ImageNotFoundException',
  })[operation] ?? 'InvalidAction';

const deniedCode = (protocol: Protocol): string =>
  ({ query: 'AccessDenied', ec2: 'UnauthorizedOperation', json: 'AccessDeniedException', s3: 'AccessDenied' })[
    protocol
  ];

function answerS3({ buckets }: FakeAccount, operation: string, input: Input, response: ServerResponse): void {
  if (operation === 'HeadBucket') {
    const owner = buckets[String(input.bucket)];
    return void response.writeHead(owner === 'own' ? 200 : owner === 'other' ? 403 : 404).end();
  }
  const own = Object.keys(buckets).filter(
    (name) => buckets[name] === 'own' && name.startsWith(String(input.prefix ?? '')),
  );
  const list = own.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('');
  send(response, 200, 's3', `<ListAllMyBucketsResult><Buckets>${list}</Buckets></ListAllMyBucketsResult>`);
}

function refuse(response: ServerResponse, protocol: Protocol, status: number, code: string): void {
  const error = `<Error><Code>${code}</Code><Message>refused by the fake</Message></Error>`;
  const bodies: Readonly<Record<Protocol, string>> = {
    query: `<ErrorResponse>${error}</ErrorResponse>`,
    ec2: `<Response><Errors>${error}</Errors></Response>`,
    json: JSON.stringify({ __type: code, message: 'refused by the fake' }),
    s3: error,
  };
  response.setHeader('x-amzn-errortype', code);
  send(response, status, protocol, bodies[protocol]);
}

function send(response: ServerResponse, status: number, protocol: Protocol, body: string): void {
  const type = protocol === 'json' ? 'application/x-amz-json-1.1' : 'text/xml';
  response.writeHead(status, { 'content-type': type }).end(body);
}

const wrapped = (operation: string, protocol: Protocol, answer: object): string =>
  protocol === 'ec2'
    ? `<${operation}Response>${xml(answer, 'item')}</${operation}Response>`
    : `<${operation}Response><${operation}Result>${xml(answer, 'member')}</${operation}Result></${operation}Response>`;

function xml(value: unknown, member: string): string {
  if (Array.isArray(value)) return value.map((one) => `<${member}>${xml(one, member)}</${member}>`).join('');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, inner]) => `<${name}>${xml(inner, member)}</${name}>`)
      .join('');
  }
  return String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}
