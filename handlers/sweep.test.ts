import { describe, expect, test } from 'vitest';
import { FedcardioError } from '../lib/error.ts';
import { federationKeys } from '../lib/federation/keys.ts';
import { outcomeSchema } from '../lib/federation/schemas.ts';
import { DEFAULT_TASKS } from '../lib/federation/tasks.ts';
import { tryReadJson } from '../lib/storage/documents.ts';
import { countRequests } from '../test/helpers/counted-store.ts';
import { asFederationRole } from '../test/helpers/roles.ts';
import { campaignWith, QUORUM } from '../test/protocol/simulated-campaign.ts';
import { simulateFederation } from '../test/protocol/simulated-federation.ts';
import { sweep } from './sweep.ts';

const simulate = () => simulateFederation([{ id: 'berlin', samples: 1, behaviour: 'good' }]);

describe('sweep', () => {
  test('ends a campaign with an invalid plan, and continues with the others', async () => {
    const { context, pending, upload } = simulate();
    await context.federationStore.put(federationKeys.plan('a-broken-one'), '{"schema":');
    await upload(campaignWith(QUORUM));

    await sweep(asFederationRole(context, 'sweep'));

    const outcome = await tryReadJson(context.federationStore, federationKeys.outcome('a-broken-one'), outcomeSchema);
    expect(outcome?.value).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/^campaigns\/a-broken-one\/plan\.json is not JSON/),
    });
    expect(pending.some((delivery) => delivery.kind === 'message' && delivery.queue === 'heart-berlin-tasks')).toBe(
      true,
    );
  });

  test('goes on with the campaigns if only a newer release can read the list of tasks', async () => {
    const world = simulate();
    const federation = { ...world.context.federation, tasks: [...DEFAULT_TASKS] };
    const sent = () => world.log.filter(({ event }) => event === 'tasks-sent').length;
    await world.upload(campaignWith(QUORUM));
    await sweep(asFederationRole(world.context, 'sweep'));
    await world.context.federationStore.put(federationKeys.tasks, '{"schema":"fedcardio.tasks/2"}');
    const before = sent();

    await sweep(asFederationRole({ ...world.context, federation }, 'sweep'), { resendAfterSeconds: 0 });

    expect(world.log.filter(({ event }) => event === 'sweep-failed').map(({ fields }) => fields)).toEqual([
      { reason: expect.stringMatching(/tasks\.json was written by a newer release/) },
    ]);
    expect(sent()).toBeGreaterThan(before);
  });

  test('sends GPU tasks again only after the given time', async () => {
    const { context, log, upload, advanceClock } = simulate();
    const sent = () => log.filter(({ event }) => event === 'tasks-sent').length;
    await upload(campaignWith(QUORUM));
    await sweep(asFederationRole(context, 'sweep'));
    expect(sent()).toBe(2);

    await sweep(asFederationRole(context, 'sweep'));
    expect(sent()).toBe(2);
    advanceClock(900);
    await sweep(asFederationRole(context, 'sweep'));
    expect(sent()).toBe(4);
    await sweep(asFederationRole(context, 'sweep'), { resendAfterSeconds: 0 });
    expect(sent()).toBe(6);
  });

  test('asks once whether a campaign has ended, once it has', async () => {
    const { context } = simulate();
    for (let i = 0; i < 20; i++) await context.federationStore.put(federationKeys.outcome(`past-${i}`), '{}');
    const { store, take } = countRequests(context.federationStore);
    const role = asFederationRole({ ...context, federationStore: store }, 'sweep');
    await sweep(role);
    take();

    await sweep(role);

    expect(take()).toMatchObject({ get: 0, list: 1, put: 0 });
  });

  test('goes on with the others if it cannot be told whether a campaign has ended, or it cannot be ended', async () => {
    const { context, log, upload } = simulate();
    const [old, broken] = ['a-old', 'b-broken'];
    await upload(campaignWith(QUORUM));
    for (const id of [old, broken]) await context.federationStore.put(federationKeys.plan(id), '{');
    const refuse = (key: string) => {
      if (key === federationKeys.outcome(old)) throw new FedcardioError('STORAGE', 'Cannot look it up.');
      if (key === federationKeys.outcome(broken)) throw new FedcardioError('STORAGE', 'Cannot end it.');
    };
    const { federationStore } = context;
    const refusing: typeof federationStore = {
      ...federationStore,
      head: async (key) => {
        if (key === federationKeys.outcome(old)) refuse(key);
        return federationStore.head(key);
      },
      putIfAbsent: async (key, body) => {
        refuse(key);
        return federationStore.putIfAbsent(key, body);
      },
    };

    await sweep({ ...context, federationStore: refusing });

    const failed = log.filter(({ event }) => event === 'sweep-failed').map(({ fields }) => fields);
    expect(failed).toEqual([
      { campaign: old, reason: 'Cannot look it up.' },
      { campaign: broken, reason: expect.stringContaining('is not JSON') },
      { campaign: broken, reason: 'Cannot end it.' },
    ]);
    expect(await federationStore.head(federationKeys.plan('tavi'))).toBeDefined();
  });

  test('goes on with the others if nobody can tell whether a campaign has ended, or it cannot be ended', async () => {
    const { context, log, upload } = simulate();
    const { federationStore } = context;
    for (const id of ['a-refused', 'b-broken']) await federationStore.put(federationKeys.plan(id), '{');
    await upload(campaignWith(QUORUM));
    const denied = new FedcardioError('STORAGE', 'Access denied.');
    const refusing: typeof federationStore = {
      ...federationStore,
      head: async (key) => {
        if (key === federationKeys.outcome('a-refused')) throw denied;
        return federationStore.head(key);
      },
      putIfAbsent: async (key, body) => {
        if (key === federationKeys.outcome('b-broken')) throw denied;
        return federationStore.putIfAbsent(key, body);
      },
    };

    await sweep({ ...context, federationStore: refusing });

    expect(log.filter(({ event }) => event === 'sweep-failed').map(({ fields }) => fields)).toEqual([
      { campaign: 'a-refused', reason: 'Access denied.' },
      { campaign: 'b-broken', reason: expect.stringContaining('is not JSON') },
      { campaign: 'b-broken', reason: 'Access denied.' },
    ]);
    expect(await federationStore.head(federationKeys.plan('tavi'))).toBeDefined();
  });

  test('does not end a campaign because of a storage error', async () => {
    const { context, log, upload } = simulate();
    await upload(campaignWith(QUORUM));
    const broken = {
      ...context,
      federationStore: { ...context.federationStore, putIfAbsent: () => Promise.reject(new Error('503')) },
    };

    await sweep(asFederationRole(broken, 'sweep'));

    expect(log.at(-1)).toEqual({ event: 'sweep-failed', fields: { campaign: 'tavi', reason: '503' } });
    expect(await context.federationStore.head(federationKeys.outcome('tavi'))).toBeUndefined();
  });
});
