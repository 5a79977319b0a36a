import { beforeEach, describe, expect, test } from 'vitest';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import { type Consent, consentSchema, planSchema, updateSchema } from '../lib/federation/schemas.ts';
import { gpuTaskMessage } from '../lib/federation/testing.ts';
import { canonicalJson, sha256Hex } from '../lib/json.ts';
import { storeConsent } from '../lib/protocol/testing.ts';
import { readJson } from '../lib/storage/documents.ts';
import { asSiteRole } from '../test/helpers/roles.ts';
import { type SimulatedFederation, simulateFederation } from '../test/protocol/simulated-federation.ts';
import { dispatch } from './dispatch.ts';

/** A resent message. Dispatch checks whether it is due; for a new message it does not. */
const MESSAGE = gpuTaskMessage({ resent: true });

describe('dispatch', () => {
  let world: SimulatedFederation;
  const send = (body: unknown) =>
    dispatch(
      { Records: [{ messageId: 'm', body: JSON.stringify(body) }] },
      asSiteRole(world.context, 'berlin', 'dispatch'),
    );
  const answer = async (fields: Partial<Consent>) => {
    await storeConsent(world.context, fields);
    world.pending.length = 0;
  };
  beforeEach(async () => {
    world = simulateFederation([{ id: 'berlin', samples: 1, behaviour: 'good' }]);
    await answer({});
  });

  test('starts the GPU task of a message', async () => {
    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });
    expect(world.pending.filter(({ kind }) => kind === 'task')).toEqual([{ kind: 'task', message: MESSAGE }]);
  });

  test.each([
    ['its site has answered', federationKeys.update(MESSAGE, 'berlin', 'failed')],
    ['its round is sealed', federationKeys.seal(MESSAGE)],
    ['its campaign has ended', federationKeys.outcome('tavi')],
  ])('starts nothing when %s', async (_, key) => {
    await world.context.federationStore.put(key, '{}');
    world.pending.length = 0;

    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });
    expect(world.pending).toEqual([]);
  });

  test('checks whether a message is due only if it is old or redelivered', async () => {
    await world.context.federationStore.put(federationKeys.seal(MESSAGE), '{}');
    world.pending.length = 0;
    const started = async (body: unknown, ApproximateReceiveCount: string) => {
      const record = { messageId: 'm', body: JSON.stringify(body), attributes: { ApproximateReceiveCount } };
      await dispatch({ Records: [record] }, asSiteRole(world.context, 'berlin', 'dispatch'));
      return world.pending.splice(0).length;
    };
    const fresh = gpuTaskMessage({});

    expect(await started(fresh, '1')).toBe(1);
    expect(await started(fresh, '2')).toBe(0);
    world.advanceClock(60);
    expect(await started(fresh, '1')).toBe(0);
  });

  test.each([
    ['declined', { state: 'declined' }, 'Site berlin has declined the campaign.'],
    ['withdrawn', { state: 'withdrawn' }, 'Site berlin has withdrawn its consent to the campaign.'],
    [
      'over',
      { until: '2026-03-02T07:59:59.000Z' },
      'Site berlin agreed to the campaign until 2026-03-02T07:59:59.000Z.',
    ],
  ] as const)('answers without a GPU task when the consent is %s', async (_, fields, reason) => {
    await answer(fields);

    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });
    const key = federationKeys.update(MESSAGE, 'berlin', 'failed');
    const { value } = await readJson(world.context.federationStore, key, updateSchema);
    expect(value).toMatchObject({ status: 'failed', code: 'NO_CONSENT', reason: expect.stringContaining(reason) });
    expect(world.pending.filter(({ kind }) => kind === 'task')).toEqual([]);
  });

  test('starts and answers nothing while a person is asked', async () => {
    await answer({ state: 'asked' });

    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });
    expect(world.pending.filter(({ kind }) => kind === 'task')).toEqual([]);
    expect(
      await world.context.federationStore.head(federationKeys.update(MESSAGE, 'berlin', 'failed')),
    ).toBeUndefined();
    expect(world.log.at(-1)).toMatchObject({ event: 'consent-asked', fields: { site: 'berlin', campaign: 'tavi' } });
  });

  test('gives no short answer for a plan that the site has not agreed to', async () => {
    await answer({});
    const step = {
      schema: 'fedcardio.step/1',
      federation: MESSAGE.federation,
      site: 'berlin',
      campaign: 'tavi',
    } as const;

    expect(await send({ ...step, stage: MESSAGE.stage, step: 'keys', plan: 'f'.repeat(64) })).toEqual({
      batchItemFailures: [],
    });

    const obstacle = { event: 'consent-missing', fields: { reason: 'agreed to another plan of the campaign' } };
    expect(world.log.at(-1)).toMatchObject(obstacle);
  });

  test('asks a person again when the coordinator has replaced the plan that the site agreed to', async () => {
    const { federationStore, siteStore } = world.context;
    const consentOf = async () => (await readJson(siteStore('berlin'), siteKeys.consent('tavi'), consentSchema)).value;
    await send(MESSAGE);
    const before = await consentOf();
    const { value: plan } = await readJson(federationStore, federationKeys.plan('tavi'), planSchema);
    const replaced = canonicalJson({ ...plan, campaign: { ...plan.campaign, purpose: 'Something else' } });
    await federationStore.put(federationKeys.plan('tavi'), replaced);
    world.pending.length = 0;

    expect(await send(MESSAGE)).toEqual({ batchItemFailures: [] });

    expect(before.state).toBe('agreed');
    expect(world.pending.filter(({ kind }) => kind === 'task')).toEqual([]);
    const asked = { state: 'asked', plan: sha256Hex(replaced), limits: before.limits, reason: expect.any(String) };
    expect(await consentOf()).toMatchObject(asked);
    const copy = await readJson(federationStore, federationKeys.consent('berlin', 'tavi'), consentSchema);
    expect(copy.value).toMatchObject(asked);
  });

  test('starts a GPU task even if another site has answered', async () => {
    await world.context.federationStore.put(federationKeys.update(MESSAGE, 'munich', 'a'), '{}');
    world.pending.length = 0;
    await send(MESSAGE);
    expect(world.pending.filter(({ kind }) => kind === 'task')).toHaveLength(1);
  });

  test.each([
    ['a message for another federation', { ...MESSAGE, federation: 'lung' }, 'Message m is for federation "lung"'],
    ['a message without a site', { ...MESSAGE, site: undefined }, 'message m: site: '],
  ])('fails on %s and logs the reason', async (_, body, reason) => {
    expect(await send(body)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm' }] });
    expect(world.log.at(-1)?.fields.reason).toContain(reason);
    expect(world.pending).toEqual([]);
  });
});
