import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where objects and queues are. All empty: AWS, by the environment's region and role. */
export interface ConnectionOptions {
  /** URL of the embedded server, of LocalStack or of a VPC endpoint. Empty or absent: AWS. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** Wraps each client of the SDK, so that its calls are traced. */
  readonly trace?: (<C>(client: C) => C) | undefined;
}

/** SDK's default of 50 would let a merge and its neighbours wait for each other. */
const S3_SOCKETS = 512;
/** Every queue holds one socket while it is long-polled: with any bound, sends of a large federation would wait for them. */
const SQS_SOCKETS = Number.POSITIVE_INFINITY;

const LOCAL_CREDENTIALS: Credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

/** An S3 client, which finds buckets of other regions; with an endpoint, buckets are addressed by path, because `bucket.127.0.0.1` names no host. */
export function createS3Client(options: ConnectionOptions = {}): S3Client {
  const client = new S3Client({
    ...connection(options, S3_SOCKETS),
    forcePathStyle: Boolean(options.endpoint),
    followRegionRedirects: true,
  });
  return options.trace?.(client) ?? client;
}

/** An SQS client that calls its endpoint, not the host in the queue's URL: emulators put hosts there that do not resolve. */
export function createSqsClient(options: ConnectionOptions = {}): SQSClient {
  const client = new SQSClient({ ...connection(options, SQS_SOCKETS), useQueueUrlAsEndpoint: false });
  return options.trace?.(client) ?? client;
}

/** What every client of the SDK is made with. `maxSockets`: connections that it may hold at once. */
export function connection(options: ConnectionOptions, maxSockets: number) {
  // The SDK's version is pinned: which Node a later one will want is no news to who runs this one.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { endpoint } = options;
  const credentials = options.credentials ?? (needsNoCredentials(endpoint) ? LOCAL_CREDENTIALS : undefined);
  const region = options.region ?? (endpoint ? (process.env.AWS_REGION ?? 'us-east-1') : undefined);
  return {
    ...(endpoint ? { endpoint } : {}),
    ...(region ? { region } : {}),
    ...(credentials ? { credentials } : {}),
    requestHandler: {
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    },
  };
}

/** An emulator on this machine takes any credentials; without this the SDK would search for a role for seconds. */
function needsNoCredentials(endpoint: string | undefined): boolean {
  if (!endpoint || process.env.AWS_ACCESS_KEY_ID || process.env.AWS_PROFILE) return false;
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);
}
