import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { aggregate } from '../../../handlers/aggregate.ts';
import type { HandlerContext, SqsHandler } from '../../../handlers/context.ts';
import { dispatch } from '../../../handlers/dispatch.ts';
import { intake } from '../../../handlers/intake.ts';
import { jobFailed } from '../../../handlers/job-failed.ts';
import { orchestrate } from '../../../handlers/orchestrate.ts';
import { isFedcardioError } from '../../../lib/error.ts';
import { type FederationKey, federationKeys, siteKeys } from '../../../lib/federation/keys.ts';
import { gpuTaskMessage } from '../../../lib/federation/testing.ts';
import { names } from '../../../lib/federation/topology.ts';
import { image } from '../../../lib/intake/testing.ts';
import { storeConsent } from '../../../lib/protocol/testing.ts';
import { asFederationRole, asSiteRole } from '../../helpers/roles.ts';
import { smallCampaignWith } from '../../protocol/simulated-campaign.ts';
import { simulateFederation } from '../../protocol/simulated-federation.ts';
import type { Target } from '../engine.ts';
import { anyText, mutatedJson } from '../json-mutations.ts';

/**
 * A function's name and a batch of SQS bodies, as one JSON array; for `job-failed`, events of EventBridge. A function
 * answers every batch, fails only records of it and each with a code, and does the work of the good record beside the
 * hostile ones.
 */
export const events = (): Target => ({
  inputs: fc
    .tuple(fc.constantFrom(...HANDLERS.map(({ name }) => name), 'job-failed'), body, fc.array(body, { maxLength: 3 }))
    .map(([name, first, rest]) => Buffer.from(JSON.stringify([name, first, ...rest]))),
  check: async (input) => {
    const [name, ...bodies]: readonly string[] = JSON.parse(Buffer.from(input).toString());
    const handler = HANDLERS.find((one) => one.name === name);
    if (handler) await checkHandler(bodies, handler);
    else for (const text of bodies) await checkJobFailed(text);
  },
});

const SITES = ['berlin', 'munich'].map((id) => ({ id, samples: 3, behaviour: 'good' as const }));
const BERLIN = names.siteBucket('heart', 'berlin');
const FEDERATION = names.federationBucket('heart');
const IMAGE = image();

const CASE = siteKeys.image('training', 'p1');
const CAMPAIGN = smallCampaignWith({ minSites: 1 });
const ROUND = { campaign: CAMPAIGN.id, stage: 'teacher', round: 1 };
const TASK = gpuTaskMessage({ at: '2026-03-02T08:00:00.000Z' });

const s3Event = (bucket: string, ...keys: readonly string[]) => ({
  Records: keys.map((key) => ({
    eventVersion: '2.1',
    eventName: 'ObjectCreated:Put',
    eventTime: '2026-03-02T08:00:00.000Z',
    s3: { bucket: { name: bucket }, object: { key, size: 1 } },
  })),
});

const example = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../docs/events/${name}.json`, import.meta.url), 'utf8'));

const KEYS = [
  ...[
    'cases/p7/image.nii.gz',
    'cases/p7/labels/calcification.nii.gz',
    'cases/loose',
    'cases/',
    'cases//x',
    'cases/p7/',
  ],
  ...['cases/__proto__/image.nii.gz', 'cases/../image.nii.gz', 'cases/constructor/labels/constructor.nii.gz', '', '/'],
  ...['cases/%', 'cases/%ff/image.nii.gz', 'cases/a+b/image.nii', 'held-out/p1/image.nii.gz', 'catalog/p7.json'],
  ...[
    'campaigns/tavi/campaign.json',
    'campaigns/tavi/control.json',
    'campaigns//campaign.json',
    'campaigns/__proto__/x',
  ],
  ...['campaigns/tavi/teacher/0001/commit.json', 'updates/b/tavi/teacher/99999999999999999999/x.update.json'],
  ...['updates/berlin/tavi/teacher/0001/failed.update.json', 'updates/b/tavi/teacher/0000/x.update.json'],
  `updates/berlin/${'a'.repeat(1000)}/teacher/0001/x.update.json`,
  `cases/${'%C3%BC'.repeat(100)}/image.nii.gz`,
];

const key = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...KEYS) },
  { weight: 1, arbitrary: anyText(20).map((text) => `cases/${text}/image.nii.gz`) },
  { weight: 1, arbitrary: anyText(20) },
);

const seeds: readonly unknown[] = [
  ...['s3-event', 's3-test-event', 'batch-job-failed', 'task'].map(example),
  s3Event(BERLIN, 'cases/p7/image.nii.gz', 'cases/p8/image.nii'),
  TASK,
];

const body: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: mutatedJson(seeds) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(
        fc.constantFrom(BERLIN, FEDERATION, names.siteBucket('heart', 'munich'), '', '__proto__'),
        fc.array(key, { maxLength: 3 }),
      )
      .map(([bucket, keys]) => JSON.stringify(s3Event(bucket, ...keys))),
  },
  { weight: 1, arbitrary: fc.constantFrom('null', '1', '[]', '{}', '"x"', '', ' ', '{', 'true', '\u0000', '\ud800') },
  { weight: 1, arbitrary: anyText(30) },
);

type World = ReturnType<typeof simulateFederation>;

interface Handler {
  readonly name: string;
  readonly handle: SqsHandler;
  readonly role: (context: HandlerContext) => HandlerContext;
  /** The good record. */
  readonly body: unknown;
  readonly prepare: (world: World) => Promise<unknown>;
  readonly isDone: (world: World) => Promise<boolean>;
}

const hasObject = async ({ context }: World, at: FederationKey) =>
  (await context.federationStore.head(at)) !== undefined;

const HANDLERS: readonly Handler[] = [
  {
    name: 'intake',
    handle: intake,
    role: (context) => asSiteRole(context, 'berlin', 'intake'),
    body: s3Event(BERLIN, CASE),
    prepare: ({ context }) => context.siteStore('berlin').put(CASE, IMAGE),
    isDone: async ({ context }) => (await context.siteStore('berlin').head(siteKeys.catalog('p1'))) !== undefined,
  },
  {
    name: 'orchestrate',
    handle: orchestrate,
    role: (context) => asFederationRole(context, 'orchestrate'),
    body: s3Event(FEDERATION, federationKeys.campaign(CAMPAIGN.id)),
    prepare: (world) => world.upload(CAMPAIGN),
    isDone: (world) => hasObject(world, federationKeys.open(ROUND)),
  },
  {
    name: 'aggregate',
    handle: aggregate,
    role: (context) => asFederationRole(context, 'aggregate'),
    body: s3Event(FEDERATION, federationKeys.update(ROUND, 'munich', 'a'.repeat(64))),
    prepare: async (world) => {
      await world.upload(CAMPAIGN);
      // All but the updates' events, so that the round is open and answered.
      for (let next = world.pending.shift(); next; next = world.pending.shift()) {
        if (next.kind === 'task' || !next.queue.includes('aggregate')) await world.deliver(next);
      }
    },
    isDone: (world) => hasObject(world, federationKeys.commit(ROUND)),
  },
  {
    name: 'dispatch',
    handle: dispatch,
    role: (context) => asSiteRole(context, 'berlin', 'dispatch'),
    body: TASK,
    prepare: ({ context }) => storeConsent(context),
    isDone: async ({ pending }) => pending.some((next) => next.kind === 'task' && next.message.round === TASK.round),
  },
];

async function checkHandler(bodies: readonly string[], handler: Handler): Promise<void> {
  const { name, handle, role, prepare, isDone } = handler;
  const world = simulateFederation(SITES);
  await prepare(world);
  world.pending.length = 0;
  const { length } = world.log;
  const records = [...bodies, JSON.stringify(handler.body)].map((text, i) => ({ messageId: `m${i}`, body: text }));

  const { batchItemFailures } = await handle({ Records: records }, role(world.context));

  const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  const known = records.slice(0, -1).map(({ messageId }) => messageId);
  const others = failed.filter((id) => !known.includes(id));
  if (others.length > 0) throw new Error(`${name} fails ${others.join()}: ${JSON.stringify(world.log.at(-1))}`);
  if (!(await isDone(world))) throw new Error(`${name} does not do the work of the good record`);
  const untyped = world.log.slice(length).find(({ event, fields }) => event === 'record-failed' && !fields.code);
  if (untyped) throw new Error(`${name} fails a record without a code: ${String(untyped.fields.stack)}`);
}

async function checkJobFailed(text: string): Promise<void> {
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch {
    return;
  }
  try {
    await jobFailed(event, simulateFederation(SITES).context);
  } catch (error) {
    if (!isFedcardioError(error)) throw error;
  }
}
