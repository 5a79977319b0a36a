/**
 * `fedcardio/federation`: what a federation declares. Schemas (zod 4) of its JSON documents and queue messages, object
 * keys, the names of buckets, queues and roles, and the learning tasks. Nothing here connects to anything.
 */
export { type ErrorCode, FedcardioError, isFedcardioError } from '../lib/error.ts';
export { campaignJsonSchema, federationJsonSchema } from '../lib/federation/documents/json-schema.ts';
export {
  type CaseObject,
  type CaseUse,
  type FederationKey,
  federationKeys,
  parseCampaignKey,
  parseCaseKey,
  parseRoundKey,
  parseUpdateKey,
  type RoundAddress,
  type SiteKey,
  type StageAddress,
  siteKeys,
} from '../lib/federation/keys.ts';
export {
  type Campaign,
  type CampaignInput,
  type CatalogEntry,
  type Commit,
  type Control,
  campaignSchema,
  catalogSchema,
  commitSchema,
  controlSchema,
  type Federation,
  federationSchema,
  type GpuTaskMessage,
  gpuTaskMessageSchema,
  type Open,
  type Outcome,
  openSchema,
  outcomeSchema,
  type Plan,
  planSchema,
  type Rejected,
  refusalSchema,
  rejectedSchema,
  type Seal,
  type Site,
  type Stage,
  type Summary,
  sealSchema,
  stageSchema,
  summarySchema,
  type Update,
  updateSchema,
} from '../lib/federation/schemas.ts';
export { DEFAULT_TASKS, type Task, type TaskId } from '../lib/federation/tasks.ts';
export {
  type BucketSpec,
  names,
  type Place,
  type QueueSpec,
  type Topology,
  topologyOf,
} from '../lib/federation/topology.ts';
export { parseDocument, parseJson, parseMessage, parseValue } from '../lib/json.ts';
