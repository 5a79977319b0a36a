import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { httpsAgentFor } from './proxy.ts';

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** How to reach S3, SQS and Batch. By default AWS, with the region and role of the environment. */
export interface ConnectionOptions {
  /** URL of the embedded server, of LocalStack or of a VPC endpoint. AWS if empty or absent. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** Gets credentials, and new ones when they have expired; instead of `credentials`. */
  readonly renewCredentials?: (() => Promise<Credentials>) | undefined;
  /** A profile of ~/.aws/config. Default: that of AWS_PROFILE. */
  readonly profile?: string | undefined;
  /** Wraps each SDK client to trace its calls. */
  readonly trace?: (<C>(client: C) => C) | undefined;
}

/** With the SDK's default of 50, concurrent merges would wait for each other's connections. */
const S3_SOCKETS = 512;
/** Each long poll occupies a socket. With a limit, the sends of a large federation would wait for them. */
const SQS_SOCKETS = Number.POSITIVE_INFINITY;

/** Without a limit, a host that drops packets would hold a call for minutes. Covers the wait for a free socket, too. */
const CONNECTION_TIMEOUT_MS = 15_000;

/**
 * Longest silence on a connection. Without a limit, a server that accepts and never answers would hold a call for ever. A
 * long poll of SQS takes 20 s, and S3 sends spaces while it completes a large upload.
 */
const SILENCE_MS = 120_000;

const LOCAL_CREDENTIALS: Credentials = { accessKeyId: 'local', secretAccessKey: 'local' };

/**
 * An S3 client that follows redirects to buckets in other regions. With an endpoint, buckets are addressed by path, because
 * `bucket.127.0.0.1` is not a valid host.
 */
export function createS3Client(options: ConnectionOptions = {}): S3Client {
  const client = new S3Client({
    ...connection(options, S3_SOCKETS),
    forcePathStyle: Boolean(options.endpoint),
    followRegionRedirects: true,
  });
  return options.trace?.(client) ?? client;
}

/** An SQS client that calls its endpoint instead of the queue URL's host, which emulators may set to an unresolvable name. */
export function createSqsClient(options: ConnectionOptions = {}): SQSClient {
  const client = new SQSClient({ ...connection(options, SQS_SOCKETS), useQueueUrlAsEndpoint: false });
  return options.trace?.(client) ?? client;
}

/** Without `info`, for which the SDK copies every answer, object by object: the default logger throws the copy away. */
const LOGGER = { trace() {}, debug() {}, warn() {}, error() {} } as unknown as NonNullable<S3ClientConfig['logger']>;

/**
 * Configuration that all SDK clients share.
 *
 * @param maxSockets most connections of the client
 */
export function connection(options: ConnectionOptions, maxSockets: number) {
  // The SDK's version is pinned, so warnings about the Node version that later ones need do not concern users.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { endpoint, profile } = options;
  const isAnonymous = profile === undefined && needsNoCredentials(endpoint);
  const credentials = options.credentials ?? options.renewCredentials ?? (isAnonymous ? LOCAL_CREDENTIALS : undefined);
  const region = options.region ?? (endpoint ? (process.env.AWS_REGION ?? 'us-east-1') : undefined);
  return {
    ...(endpoint ? { endpoint } : {}),
    ...(region ? { region } : {}),
    ...(profile === undefined ? {} : { profile }),
    ...(credentials ? { credentials } : {}),
    logger: LOGGER,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: httpsAgentFor(endpoint, { keepAlive: true, maxSockets }),
    },
  };
}

/** An emulator on this machine accepts any credentials. Without them the SDK would search for a role for seconds. */
function needsNoCredentials(endpoint: string | undefined): boolean {
  if (!endpoint || process.env.AWS_ACCESS_KEY_ID || process.env.AWS_PROFILE) return false;
  return ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(endpoint).hostname);
}
