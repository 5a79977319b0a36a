import { diskFull } from '../disk-full.ts';

/** An error as SQS reports it. */
export class SqsError extends Error {
  readonly code: SqsErrorCode;

  constructor(code: SqsErrorCode, message: string = DEFAULTS[code]) {
    super(message);
    this.name = 'SqsError';
    this.code = code;
  }
}

const DEFAULTS = {
  AccessDeniedException: 'Access to the resource is denied.',
  BatchEntryIdsNotDistinct: 'Two or more batch entries in the request have the same Id.',
  BatchRequestTooLong: 'The length of all the messages put together is more than the limit.',
  EmptyBatchRequest: 'There should be at least one entry in the request.',
  InsufficientStorage: diskFull("the server's data directory"),
  InvalidAttributeName: 'The attribute is unknown.',
  InvalidAttributeValue: "A queue attribute's value is invalid.",
  InvalidBatchEntryId: 'The Id of a batch entry may hold letters, digits, hyphens and underscores, 80 at most.',
  InvalidMessageContents: 'The message holds no character that is allowed.',
  InvalidParameterValue: 'A parameter is invalid.',
  MessageNotInflight: 'The message is not in flight.',
  QueueDoesNotExist: 'The specified queue does not exist.',
  QueueNameExists: 'A queue of this name exists, with other attributes.',
  ReceiptHandleIsInvalid: 'The receipt handle is not valid.',
  ResourceNotFoundException: 'There is no such queue or task.',
  SerializationException: 'The request is not JSON, or too large.',
  ServiceUnavailable: 'Please reduce your request rate.',
  TooManyEntriesInBatchRequest: 'Maximum number of entries per request are 10.',
  UnsupportedOperation: 'This server does not implement what the request asks for.',
} as const satisfies Readonly<Record<string, string>>;

/** Error codes of this server. */
export type SqsErrorCode = keyof typeof DEFAULTS;

const STATUSES: Partial<Readonly<Record<SqsErrorCode, number>>> = {
  AccessDeniedException: 403,
  InsufficientStorage: 507,
  ServiceUnavailable: 503,
};

/** HTTP status of an error. */
export const statusOf = (code: SqsErrorCode): number => STATUSES[code] ?? 400;

/** Error codes of the older query protocol, which some clients still compare. */
const QUERY_CODES: Partial<Readonly<Record<SqsErrorCode, string>>> = {
  AccessDeniedException: 'AccessDenied',
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
  BatchRequestTooLong: 'AWS.SimpleQueueService.BatchRequestTooLong',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  InvalidBatchEntryId: 'AWS.SimpleQueueService.InvalidBatchEntryId',
  MessageNotInflight: 'AWS.SimpleQueueService.MessageNotInflight',
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  UnsupportedOperation: 'AWS.SimpleQueueService.UnsupportedOperation',
};

/** An error's code in the query protocol. */
export const queryCodeOf = (code: SqsErrorCode): string => QUERY_CODES[code] ?? code;
