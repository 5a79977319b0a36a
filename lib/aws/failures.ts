import { FedcardioError } from '../error.ts';

/** The fields of an SDK exception that decisions are made on. */
export interface ServiceFailure {
  readonly name: string;
  readonly status: number | undefined;
}

/** Name and HTTP status of what the AWS SDK threw. */
export function serviceFailure(error: unknown): ServiceFailure {
  if (!(error instanceof Error)) return { name: 'Unknown', status: undefined };
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: number } }).$metadata;
  return { name: error.name, status: metadata?.httpStatusCode };
}

/** No object has the key. A missing bucket is not this: it is a mistake of configuration; nor is a missing upload. */
export function isMissingObject(error: unknown): boolean {
  const { name, status } = serviceFailure(error);
  return status === 404 && name !== 'NoSuchBucket' && name !== 'NoSuchUpload';
}

/**
 * What the SDK threw, as one of ours: `NOT_FOUND`, `PRECONDITION_FAILED` or `STORAGE`, with the cause.
 *
 * @param doing what was attempted and on what: "read s3://bucket/key"
 */
export function objectError(error: unknown, doing: string): FedcardioError {
  const { name, status } = serviceFailure(error);
  if (isMissingObject(error)) return new FedcardioError('NOT_FOUND', `Cannot ${doing}: there is no such object.`);
  if (name === 'PreconditionFailed' || status === 412) {
    return new FedcardioError('PRECONDITION_FAILED', `Cannot ${doing}: another writer was there first.`, {
      cause: error,
      hint: 'Read the object again and decide anew.',
    });
  }
  return storageError(error, doing);
}

/** What the SDK threw about a queue, as one of ours: `NOT_FOUND` or `STORAGE`, with the cause. */
export function queueError(error: unknown, doing: string): FedcardioError {
  const { name } = serviceFailure(error);
  if (name.includes('QueueDoesNotExist') || name.includes('NonExistentQueue')) {
    return new FedcardioError('NOT_FOUND', `Cannot ${doing}: there is no such queue.`, {
      cause: error,
      hint: 'Provision the federation first, and check region and endpoint.',
    });
  }
  return storageError(error, doing);
}

const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'Provision the federation first, and check region and endpoint.',
  AccessDenied: 'Check the policies of the role and of the bucket or queue.',
  CredentialsProviderError: 'Set AWS credentials, or the endpoint of a local server.',
  TooManyRequestsException: 'It is asked too often; the message comes again.',
  ECONNREFUSED: 'Is the local server running, and on this port?',
};

/** What the SDK threw about anything else, as `STORAGE` with the cause. */
export function storageError(error: unknown, doing: string): FedcardioError {
  const { name, status } = serviceFailure(error);
  const code = (error as { readonly code?: string } | undefined)?.code;
  const message = error instanceof Error && error.message ? error.message : String(code ?? error);
  const hint = HINTS[name] ?? HINTS[code ?? ''];
  const what = [name === 'Error' ? code : name, status].filter((part) => part !== undefined).join(' ');
  return new FedcardioError('STORAGE', `Cannot ${doing}: ${message}${what ? ` (${what})` : ''}.`, {
    cause: error,
    ...(hint ? { hint } : {}),
  });
}
