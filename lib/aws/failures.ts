import { type ErrorCode, errorCode, FedcardioError, isOutage } from '../error.ts';

/** The fields of an SDK exception on which callers branch. */
export interface ServiceFailure {
  readonly name: string;
  readonly status: number | undefined;
}

/** Name and HTTP status of an SDK exception. */
export function serviceFailure(error: unknown): ServiceFailure {
  if (!(error instanceof Error)) return { name: 'Unknown', status: undefined };
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata;
  return { name: error.name, status: metadata?.httpStatusCode };
}

/** Whether the object is missing. A missing bucket (a configuration error) or upload does not count. */
export function isMissingObject(error: unknown): boolean {
  const { name, status } = serviceFailure(error);
  return status === 404 && name !== 'NoSuchBucket' && name !== 'NoSuchUpload';
}

/** Whether an error, as this module translates it, says that the bucket does not exist, or that none may have its name. */
export function isMissingBucket(error: unknown): boolean {
  const { name } = serviceFailure(error instanceof FedcardioError ? error.cause : error);
  return name === 'NoSuchBucket' || name === 'InvalidBucketName';
}

/** Creates a function that runs `work` and translates its errors with `toError`. */
export const attemptWith =
  (toError: (error: unknown, action: string) => FedcardioError) =>
  async <T>(action: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw toError(error, action);
    }
  };

/**
 * Translates an SDK exception about an object to `NOT_FOUND`, `PRECONDITION_FAILED`, or like {@link storageError}.
 *
 * @param action the failed action, for the message: "read s3://bucket/key"
 */
export function objectError(error: unknown, action: string): FedcardioError {
  if (error instanceof FedcardioError) return error;
  const { name, status } = serviceFailure(error);
  if (isMissingObject(error)) return new FedcardioError('NOT_FOUND', `Cannot ${action}: there is no such object.`);
  if (name === 'PreconditionFailed' || status === 412) {
    return new FedcardioError('PRECONDITION_FAILED', `Cannot ${action}: another writer was first.`, {
      cause: error,
      hint: 'Read the object again before the next attempt.',
    });
  }
  return storageError(error, action);
}

/** Translates an SDK exception about a queue to `NOT_FOUND`, or like {@link storageError}. */
export function queueError(error: unknown, action: string): FedcardioError {
  const { name } = serviceFailure(error);
  if (name.includes('QueueDoesNotExist') || name.includes('NonExistentQueue')) {
    return new FedcardioError('NOT_FOUND', `Cannot ${action}: there is no such queue.`, {
      cause: error,
      hint: 'Check the ids of federation and site, region and endpoint, and that the federation is deployed.',
    });
  }
  return storageError(error, action);
}

const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Check the ids of federation and site, region and endpoint, and that the federation is deployed.',
  AccessDenied: 'Check the policies of the role and of the bucket or queue.',
  CredentialsProviderError: 'Set AWS credentials, or the endpoint of a local server.',
  TooManyRequestsException: 'The request rate is too high. The message will be delivered again.',
  InvalidAccessKeyId: 'AWS does not know this access key. Check the credentials, and the profile (AWS_PROFILE).',
  SignatureDoesNotMatch: 'The secret access key does not belong to the access key. Check the credentials.',
  ECONNREFUSED: 'Check that the local server is running on this port.',
};

const inProfile = (profile: string | undefined): string =>
  `${profile ? `AWS_PROFILE is ${profile}. ` : ''}Check that ~/.aws/config or ~/.aws/credentials has this profile.`;

/** Hints for errors of the SDK that have no name of their own. The profile is the environment's. */
const HINTS_BY_MESSAGE: readonly (readonly [RegExp, (profile: string | undefined) => string | undefined])[] = [
  [/^Region is missing/, () => 'Set AWS_REGION, such as eu-central-1, or name a local server with --endpoint.'],
  [/^Invalid URL|Invalid endpoint/, () => 'Check the endpoint.'],
  [/Deserialization error|is not expected\.:/, () => 'Something else than S3 or SQS answers. Check the endpoint.'],
  [/^Could not resolve credentials using profile/, inProfile],
  [/^Could not load credentials from any providers/, (profile) => profile && inProfile(profile)],
];

const hintOf = (name: string, code: string | undefined, message: string): string | undefined => {
  const [, hint] = HINTS_BY_MESSAGE.find(([pattern]) => pattern.test(message)) ?? [];
  return hint?.(process.env.AWS_PROFILE) ?? HINTS[name] ?? HINTS[code ?? ''];
};

/** Names of storages without space: this project's server, MinIO's disks, a quota of Ceph. */
const FULL: readonly string[] = ['InsufficientStorage', 'XMinioStorageFull', 'QuotaExceeded'];

/** Names of outages with a status below 500: time-outs, throttling, and credentials that are about to be renewed. */
const UNAVAILABLE =
  /^(RequestTimeout|TimeoutError|SlowDown|.*Throttl.*|TooManyRequests.*|RequestLimitExceeded|ExpiredToken.*|TokenRefreshRequired)$/;

/** Statuses below 500 of a server, or of a proxy in front of it, that is overloaded. */
const BUSY: readonly number[] = [408, 425, 429];

/** 501 and 505 say that the server never will. */
const REFUSALS: readonly number[] = [501, 505];

/** Whether the storage is away or full, or answers and refuses. */
function storageCode(error: unknown): ErrorCode {
  const { name, status = 0 } = serviceFailure(error);
  if (status === 507 || FULL.includes(name)) return 'STORAGE_FULL';
  if (UNAVAILABLE.test(name) || BUSY.includes(status)) return 'STORAGE_UNAVAILABLE';
  if (status >= 500 && !REFUSALS.includes(status)) return 'STORAGE_UNAVAILABLE';
  // A credential process (credential_process) fails when it does not reach the service that it asks.
  if (name === 'CredentialsProviderError' && /expired|^Command failed/i.test((error as Error).message))
    return 'STORAGE_UNAVAILABLE';
  return isOutage(error) ? (errorCode(error) as ErrorCode) : 'STORAGE';
}

/**
 * Translates any other SDK exception: to `STORAGE_UNAVAILABLE` or `STORAGE_FULL` if it is an outage, and to `STORAGE` if a
 * retry would not help.
 */
export function storageError(error: unknown, action: string): FedcardioError {
  const { name, status } = serviceFailure(error);
  const code = (error as { readonly code?: string } | undefined)?.code;
  const message = error instanceof Error && error.message ? error.message : String(code ?? error);
  const hint = hintOf(name, code, message);
  const what = [name === 'Error' ? code : name, status].filter((part) => part !== undefined).join(' ');
  const text = message.trimEnd().replace(/\.$/, '');
  return new FedcardioError(storageCode(error), `Cannot ${action}: ${text}${what ? ` (${what})` : ''}.`, {
    cause: error,
    ...(hint ? { hint } : {}),
  });
}
