/**
 * `fedcardio/emulator`: S3 and SQS on one port of 127.0.0.1, for tests and for machines without AWS. It keeps buckets,
 * objects, queues and messages in a folder, sends S3 events to queues, and injects faults on request. It checks no
 * credentials.
 */
export { type ErrorCode, FedcardioError, isFedcardioError } from '../lib/error.ts';
export type { FaultsInput } from '../local/emulator/faults/configuration.ts';
export { type EmbeddedServer, type EmbeddedServerOptions, startEmbeddedServer } from '../local/emulator/server.ts';
