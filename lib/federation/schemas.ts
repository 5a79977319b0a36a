/**
 * Every JSON object and queue message of fedcardio. Objects carry `schema` ("name/version"); examples of all of
 * them are in `docs/events/` and parsed by a test.
 */
export * from './schemas/aggregation.ts';
export { GPU_DEFAULTS, HOST_MEMORY_SHARE, type Person } from './schemas/aws-options.ts';
export * from './schemas/campaign.ts';
export * from './schemas/consent.ts';
export * from './schemas/federation.ts';
export * from './schemas/ledger.ts';
export * from './schemas/lineage.ts';
export * from './schemas/messages.ts';
export * from './schemas/model.ts';
export * from './schemas/privacy.ts';
export * from './schemas/round.ts';
export * from './schemas/secure.ts';
export * from './schemas/sent-object.ts';
export * from './schemas/site-objects.ts';
export * from './schemas/task.ts';
export * from './schemas/training.ts';
export * from './schemas/update.ts';
export * from './stages/kinds.ts';
