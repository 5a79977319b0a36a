import {
  BatchClient,
  DeleteComputeEnvironmentCommand,
  DeleteJobQueueCommand,
  UpdateComputeEnvironmentCommand,
  UpdateJobQueueCommand,
} from '@aws-sdk/client-batch';
import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { StackTemplate } from '../../cdk/synthesize.ts';
import { adapt, BATCH_ROLE } from './adaptations.ts';
import { type Template, templateOf } from './templates.ts';

interface Place {
  readonly account: string;
  readonly region: string;
}

const placeOf = ({ account = '111122223333', region = 'eu-central-1' }: Partial<Place>): Place => ({ account, region });

interface Clients {
  readonly cloudFormation: CloudFormationClient;
  readonly s3: S3Client;
  readonly batch: BatchClient;
}

/** AWS as moto plays it: any number of accounts and regions, in which stacks are deployed. */
export class Cloud {
  readonly #endpoint: string;
  readonly #clients = new Map<string, Clients>();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** Creates or updates stacks in their order, after what `cdk bootstrap` and docs/deployment.md prepare in each account. */
  async deploy(stacks: readonly StackTemplate[]): Promise<void> {
    for (const stack of stacks) {
      const { cloudFormation, input } = await this.#prepare(stack, templateOf(stack), false);
      const command = (await this.exists(stack)) ? new UpdateStackCommand(input) : new CreateStackCommand(input);
      // Without the cause, which prints the whole connection.
      await cloudFormation.send(command).catch(({ message }: Error) => {
        throw new Error(`${stack.stackName}: ${message}`);
      });
    }
  }

  /**
   * Leaves what remains of a first deployment that fails at its last resource: CloudFormation deletes what it made, unless the
   * deletion policy is Retain. moto itself does not roll back.
   */
  async failAtFirst(stack: StackTemplate): Promise<void> {
    const { cloudFormation, input } = await this.#prepare(stack, templateOf(stack), true);
    await cloudFormation.send(new CreateStackCommand(input));
    await this.delete(stack);
  }

  async exists(stack: StackTemplate): Promise<boolean> {
    const { cloudFormation } = await this.#clientsOf(placeOf(stack));
    return cloudFormation.send(new DescribeStacksCommand({ StackName: stack.stackName })).then(
      () => true,
      () => false,
    );
  }

  /** Deletes a stack. What its template retains stays. */
  async delete(stack: StackTemplate): Promise<void> {
    const { cloudFormation } = await this.#clientsOf(placeOf(stack));
    const resources = await this.resources(stack);
    await cloudFormation.send(new DeleteStackCommand({ StackName: stack.stackName })).catch(({ message }: Error) => {
      throw new Error(`${stack.stackName}: ${message}`);
    });
    await this.#deleteBatch(stack, resources);
  }

  /** moto does not delete resources of AWS Batch with their stack. */
  async #deleteBatch(stack: StackTemplate, ids: Readonly<Record<string, string>>): Promise<void> {
    const { batch } = await this.#clientsOf(placeOf(stack));
    const made = Object.entries(templateOf(stack).Resources).map(([id, { Type }]) => [Type, ids[id] ?? ''] as const);
    const state = 'DISABLED';
    for (const [type, id] of made) {
      if (type !== 'AWS::Batch::JobQueue' || id === '') continue;
      await batch.send(new UpdateJobQueueCommand({ jobQueue: id, state }));
      await batch.send(new DeleteJobQueueCommand({ jobQueue: id }));
    }
    for (const [type, id] of made) {
      if (type !== 'AWS::Batch::ComputeEnvironment' || id === '') continue;
      await batch.send(new UpdateComputeEnvironmentCommand({ computeEnvironment: id, state }));
      await batch.send(new DeleteComputeEnvironmentCommand({ computeEnvironment: id }));
    }
  }

  /** Physical ids by logical id. */
  async resources(stack: StackTemplate): Promise<Readonly<Record<string, string>>> {
    const { cloudFormation } = await this.#clientsOf(placeOf(stack));
    const { StackResources = [] } = await cloudFormation.send(
      new DescribeStackResourcesCommand({ StackName: stack.stackName }),
    );
    return Object.fromEntries(StackResources.map((one) => [one.LogicalResourceId, one.PhysicalResourceId ?? '']));
  }

  async s3(stack: StackTemplate): Promise<S3Client> {
    return (await this.#clientsOf(placeOf(stack))).s3;
  }

  async batch(stack: StackTemplate): Promise<BatchClient> {
    return (await this.#clientsOf(placeOf(stack))).batch;
  }

  close(): void {
    for (const clients of this.#clients.values()) for (const client of Object.values(clients)) client.destroy();
  }

  async #prepare(stack: StackTemplate, template: Template, rollsBack: boolean) {
    const place = placeOf(stack);
    const { cloudFormation } = await this.#clientsOf(place);
    await this.#uploadCode(place, template);
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({}));
    const outputOf = (stackName: string, output: string) => {
      const other = Stacks.find(({ StackName }) => StackName === stackName);
      const value = other?.Outputs?.find(({ OutputKey }) => OutputKey === output)?.OutputValue;
      if (value === undefined) throw new Error(`Stack ${stackName} has no output ${output}.`);
      return value;
    };
    const adapted = adapt(template, { ...place, rollsBack, outputOf });
    return { cloudFormation, input: { StackName: stack.stackName, TemplateBody: JSON.stringify(adapted) } };
  }

  /** The CDK uploads the code of functions before it deploys a stack. Nothing runs it here. */
  async #uploadCode(place: Place, { Resources }: Template): Promise<void> {
    const { s3 } = await this.#clientsOf(place);
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type !== 'AWS::Lambda::Function') continue;
      const { S3Key } = (Properties as { readonly Code: { readonly S3Key: string } }).Code;
      await s3.send(new PutObjectCommand({ Bucket: assetBucket(place), Key: S3Key, Body: 'code' }));
    }
  }

  async #clientsOf(place: Place): Promise<Clients> {
    const key = `${place.account}/${place.region}`;
    const known = this.#clients.get(key);
    if (known) return known;
    const options = {
      endpoint: this.#endpoint,
      region: place.region,
      credentials: { accessKeyId: 'moto', secretAccessKey: 'moto' },
      forcePathStyle: true,
      maxAttempts: 1,
    };
    const clients = {
      cloudFormation: inAccount(new CloudFormationClient(options), place.account),
      s3: inAccount(new S3Client(options), place.account),
      batch: inAccount(new BatchClient(options), place.account),
    };
    this.#clients.set(key, clients);
    const bootstrap = { StackName: 'CDKToolkit', TemplateBody: JSON.stringify(bootstrapTemplate(place)) };
    await clients.cloudFormation.send(new CreateStackCommand(bootstrap));
    return clients;
  }
}

const assetBucket = ({ account, region }: Place) => `cdk-hnb659fds-assets-${account}-${region}`;

/** What `cdk bootstrap` makes that a stack refers to, and the service-linked role of AWS Batch. */
const bootstrapTemplate = (place: Place): Template => ({
  Resources: {
    StagingBucket: { Type: 'AWS::S3::Bucket', Properties: { BucketName: assetBucket(place) } },
    BatchRole: {
      Type: 'AWS::IAM::Role',
      Properties: {
        RoleName: BATCH_ROLE,
        Path: '/aws-service-role/batch.amazonaws.com/',
        AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] },
      },
    },
  },
});

/** moto takes the account from this header before it looks at the access key. */
function inAccount<T extends Clients[keyof Clients]>(client: T, account: string): T {
  (client as CloudFormationClient).middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-moto-account-id'] = account;
      return next(args);
    },
    { step: 'build', name: 'motoAccount' },
  );
  return client;
}
