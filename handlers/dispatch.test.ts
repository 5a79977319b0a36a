import { beforeEach, describe, expect, it } from 'vitest';
import { federationKeys } from '../lib/federation/keys.ts';
import type { TaskMessage } from '../lib/federation/schemas.ts';
import { dispatch } from './dispatch.ts';
import { type SimulatedFederation, simulateFederation } from './simulated-federation.ts';

const MESSAGE: TaskMessage = {
  schema: 'fedcardio.task/1',
  federation: 'heart',
  campaign: 'tavi',
  stage: 'teacher/hinge-points',
  round: 1,
  site: 'berlin',
};

describe('dispatch', () => {
  let world: SimulatedFederation;
  const send = (body: unknown) =>
    dispatch({ Records: [{ messageId: 'm', body: JSON.stringify(body) }] }, world.context);
  beforeEach(() => {
    world = simulateFederation([{ id: 'berlin', samples: 1, behaviour: 'good' }]);
  });

  it('starts the task that a message asks for', async () => {
    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });
    expect(world.pending).toEqual([{ kind: 'task', message: MESSAGE }]);
  });

  it.each([
    ['its site has answered', federationKeys.update(MESSAGE, 'berlin', 'failed')],
    ['its round is sealed', federationKeys.seal(MESSAGE)],
    ['its campaign has ended', federationKeys.outcome('tavi')],
  ])('starts nothing when %s', async (_, key) => {
    await world.context.objects.put(world.bucket, key, '{}');
    world.pending.length = 0;

    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });
    expect(world.pending).toEqual([]);
  });

  it('starts a task although another site has answered', async () => {
    await world.context.objects.put(world.bucket, federationKeys.update(MESSAGE, 'munich', 'a'), '{}');
    world.pending.length = 0;
    await send(MESSAGE);
    expect(world.pending).toHaveLength(1);
  });

  it.each([
    ['a message of another federation', { ...MESSAGE, federation: 'lung' }, 'message m is for federation "lung"'],
    ['a message without a site', { ...MESSAGE, site: undefined }, 'message m: site: '],
  ])('fails on %s, and says why', async (_, body, reason) => {
    expect(await send(body)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm' }] });
    expect(world.log.at(-1)?.fields.reason).toContain(reason);
    expect(world.pending).toEqual([]);
  });
});
