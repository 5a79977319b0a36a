import { describe, expect, test } from 'vitest';
import { type FederationKey, federationKeys } from '../federation/keys.ts';
import { gpuTaskMessageSchema, openSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { canonicalJson } from '../json.ts';
import { createMemoryQueues } from '../storage/testing-queues.ts';
import type { CoordinatorContext } from './context.ts';
import { isGpuTaskDue, lastSentTo, sendGpuTasks } from './gpu-tasks.ts';
import { resendGpuTasks } from './rounds.ts';
import { openRoundOf, ROUND } from './testing.ts';

const SITES = ['bonn', 'graz', 'ulm'];

/** A round whose coordinator cannot reach the queues of the `unreachable` sites. */
async function roundOf({ unreachable = [] as readonly string[] }) {
  const { context, store, open, logged } = await openRoundOf(SITES);
  const queues = createMemoryQueues();
  const coordinator: CoordinatorContext = {
    ...context,
    queues: {
      ...queues,
      send: async (name, body) => {
        const site = unreachable.find((one) => name === names.gpuTaskQueue('heart', one));
        if (site !== undefined) throw new Error(`${site} cannot be reached`);
        await queues.send(name, body);
      },
    },
  };
  const sentTo = async (site: string) => {
    const received = await queues.receive(names.gpuTaskQueue('heart', site), { max: 10, waitSeconds: 0 });
    return received.map(({ body }) => gpuTaskMessageSchema.parse(JSON.parse(body)));
  };
  return { context: coordinator, store, open, logged, sentTo };
}

describe('GPU tasks of a round', () => {
  test('are sent to all participants with the terms of the round, and recorded', async () => {
    const { context, store, open, logged, sentTo } = await roundOf({});

    await sendGpuTasks(context, open);

    for (const site of SITES) {
      expect(await sentTo(site)).toEqual([
        {
          schema: 'fedcardio.task/1',
          federation: 'heart',
          site,
          ...ROUND,
          at: open.at,
          deadline: open.deadline,
          config: open.config,
          seed: open.seed,
          base: null,
          resent: false,
        },
      ]);
    }
    expect(await lastSentTo(store, ROUND)).toEqual(SITES);
    expect(logged).toEqual([{ event: 'tasks-sent', fields: { ...ROUND, sites: SITES } }]);
  });

  test('are resent to those who have not answered', async () => {
    const { context, store, open, sentTo } = await roundOf({});

    await sendGpuTasks(context, open, { answered: new Set(['bonn', 'ulm']) });

    expect(await Promise.all(SITES.map(sentTo))).toEqual([[], [expect.objectContaining({ resent: true })], []]);
    expect(await lastSentTo(store, ROUND)).toEqual(['graz']);
  });

  test('are resent to a site that has decided, and the others are due when they were', async () => {
    const { context, store, open, sentTo } = await roundOf({});
    await sendGpuTasks(context, open);
    const before = await store.head(federationKeys.sent(ROUND));
    for (const site of SITES) await sentTo(site);

    await resendGpuTasks(context, ROUND, 'graz');

    expect(await Promise.all(SITES.map(sentTo))).toEqual([[], [expect.objectContaining({ resent: true })], []]);
    expect(await store.head(federationKeys.sent(ROUND))).toEqual(before);
  });

  test('with secure aggregation are for machines that know it', async () => {
    const { context, open, sentTo } = await roundOf({});
    const secure = { cohort: 'a'.repeat(64), attempt: 1, threshold: 2 };

    await sendGpuTasks(context, openSchema.parse({ ...open, secure }));

    expect((await sentTo('bonn'))[0]?.schema).toBe('fedcardio.task/2');
  });

  test('reach the others if the queue of one site cannot be reached', async () => {
    const { context, open, logged, sentTo } = await roundOf({ unreachable: ['bonn'] });

    await sendGpuTasks(context, open);

    expect(await sentTo('graz')).toHaveLength(1);
    expect(await sentTo('ulm')).toHaveLength(1);
    expect(logged[0]).toEqual({
      event: 'task-not-sent',
      fields: { ...ROUND, site: 'bonn', reason: 'Error: bonn cannot be reached' },
    });
  });

  test('are no success if no site can be reached', async () => {
    const { context, store, open } = await roundOf({ unreachable: SITES });

    await expect(sendGpuTasks(context, open)).rejects.toThrow(/cannot be reached/);
    expect(await lastSentTo(store, ROUND)).toEqual([]);
  });

  test.each([
    ['of a newer release', 'fedcardio.sent/2'],
    ['that is damaged', 'fedcardio.sent/1'],
  ])('were last sent to nobody by a record %s', async (_, schema) => {
    const { store } = await roundOf({});
    await store.put(federationKeys.sent(ROUND), canonicalJson({ ...ROUND, schema }));

    expect(await lastSentTo(store, ROUND)).toEqual([]);
  });

  test('are not said to be sent to nobody while the storage is away', async () => {
    const tryGet = () => Promise.reject(new Error('away'));

    await expect(lastSentTo({ tryGet }, ROUND)).rejects.toThrow('away');
  });
});

describe('a GPU task is due', () => {
  const message = { ...ROUND, site: 'bonn' };

  test.each<[string, readonly FederationKey[], boolean]>([
    ['if its site has sent nothing', [], true],
    ['if its site has written weights and no update yet', [federationKeys.updateWeights(ROUND, 'bonn', 'a')], true],
    ['if another site has answered', [federationKeys.update(ROUND, 'ulm', 'a')], true],
    [
      'if its site has answered for a stage whose name begins with the name of this round',
      [federationKeys.update({ ...ROUND, stage: `${ROUND.stage}/0001/again` }, 'bonn', 'a')],
      true,
    ],
    ['not if its site has answered', [federationKeys.update(ROUND, 'bonn', 'a')], false],
    ['not if its round is sealed', [federationKeys.seal(ROUND)], false],
    ['not if its campaign has ended', [federationKeys.outcome(ROUND.campaign)], false],
  ])('%s', async (_, keys, isDue) => {
    const { store } = await roundOf({});
    for (const key of keys) await store.put(key, '{}');

    expect(await isGpuTaskDue({ federationStore: store }, message)).toBe(isDue);
  });
});
