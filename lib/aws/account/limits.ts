import { BatchClient, paginateDescribeComputeEnvironments, paginateDescribeJobQueues } from '@aws-sdk/client-batch';
import { EC2Client, paginateDescribeVpcs } from '@aws-sdk/client-ec2';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { HeadBucketCommand, ListBucketsCommand } from '@aws-sdk/client-s3';
import {
  GetAWSDefaultServiceQuotaCommand,
  GetServiceQuotaCommand,
  ServiceQuotasClient,
} from '@aws-sdk/client-service-quotas';
import { createS3Client } from '../clients.ts';
import { serviceFailure } from '../failures.ts';
import { type AccountOptions, attempt, configOf, unless } from './attempt.ts';

/**
 * The value of a quota in the account and region, or AWS's default if the account has no value of its own. Undefined if
 * there is no such quota in the region.
 *
 * @param service code of the service, such as `ec2`
 */
export async function quotaOf(options: AccountOptions, service: string, code: string): Promise<number | undefined> {
  const client = new ServiceQuotasClient(configOf(options));
  const input = { ServiceCode: service, QuotaCode: code };
  return attempt(`read quota ${service}/${code}`, async () => {
    const missing = ['NoSuchResourceException'];
    const applied = await unless(missing, () => client.send(new GetServiceQuotaCommand(input)));
    const found = applied ?? (await unless(missing, () => client.send(new GetAWSDefaultServiceQuotaCommand(input))));
    return found?.Quota?.Value;
  });
}

/** Concurrent executions of the account's functions: all, and those that no function has reserved. */
export async function functionLimits(
  options: AccountOptions,
): Promise<{ readonly concurrent: number; readonly unreserved: number }> {
  const client = new LambdaClient(configOf(options));
  const { AccountLimit } = await attempt("read Lambda's settings of the account", () =>
    client.send(new GetAccountSettingsCommand({})),
  );
  const concurrent = AccountLimit?.ConcurrentExecutions ?? 0;
  return { concurrent, unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? concurrent };
}

/** Number of Batch's compute environments and job queues in the region, whoever made them. */
export async function batchUse(
  options: AccountOptions,
): Promise<{ readonly environments: number; readonly queues: number }> {
  const client = new BatchClient(configOf(options));
  return attempt('count the compute environments and job queues', async () => {
    let [environments, queues] = [0, 0];
    for await (const page of paginateDescribeComputeEnvironments({ client }, {}))
      environments += page.computeEnvironments?.length ?? 0;
    for await (const page of paginateDescribeJobQueues({ client }, {})) queues += page.jobQueues?.length ?? 0;
    return { environments, queues };
  });
}

/** Number of networks in the region. */
export async function countVpcs(options: AccountOptions): Promise<number> {
  const client = new EC2Client(configOf(options));
  return attempt('count the networks', async () => {
    let count = 0;
    for await (const page of paginateDescribeVpcs({ client }, {})) count += page.Vpcs?.length ?? 0;
    return count;
  });
}

/** Number of buckets of the account, in all regions. */
export async function countBuckets(options: AccountOptions): Promise<number> {
  const { Buckets = [] } = await attempt('list the buckets', () =>
    createS3Client(options).send(new ListBucketsCommand({})),
  );
  return Buckets.length;
}

/** Whether a bucket's name is free, and if not, whether the account or somebody else has it. */
export async function ownerOf(
  options: AccountOptions,
  bucket: string,
  account: string,
): Promise<'nobody' | 'account' | 'other'> {
  const s3 = createS3Client(options);
  return attempt(`look up bucket ${bucket}`, async () => {
    try {
      await s3.send(new HeadBucketCommand({ Bucket: bucket, ExpectedBucketOwner: account }));
      return 'account';
    } catch (error) {
      const { status } = serviceFailure(error);
      if (status === 404) return 'nobody';
      // S3 answers 403 for another owner, and for an own bucket that the caller may not list.
      if (status !== 403) throw error;
      const { Buckets = [] } = await s3.send(new ListBucketsCommand({ Prefix: bucket }));
      return Buckets.some(({ Name }) => Name === bucket) ? 'account' : 'other';
    }
  });
}
