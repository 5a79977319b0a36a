import { beforeEach, describe, expect, test } from 'vitest';
import { collect } from '../lib/async.ts';
import { federationKeys, siteKeys } from '../lib/federation/keys.ts';
import type { GpuTaskMessage } from '../lib/federation/schemas.ts';
import { type ConsentContext, type Decision, decide } from '../lib/protocol/consent/at-site.ts';
import type { Stores } from '../lib/storage/contract.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { gpuTaskContext, openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';

let storage: Stores;
let message: GpuTaskMessage;
let consentContext: ConsentContext;

beforeEach(async () => {
  storage = stores();
  const { federationStore } = storage;
  consentContext = { site: SITE, store: storage.siteStore(SITE), federationStore, now: () => new Date(0) };
  await uploadCase(storage, 'training', 'p1', true);
  message = await openRound(storage, 'teacher', 1, null, { training: { steps: 3 } });
});

const decided = (decision: Omit<Decision, 'by'>) =>
  decide(consentContext, message.campaign, { ...decision, by: 'Data protection officer' });
const overwriteConsent = (body: string) => consentContext.store.put(siteKeys.consent(message.campaign), body);
async function replacePlan() {
  const key = federationKeys.plan(message.campaign);
  const plan = JSON.parse(Buffer.from((await storage.federationStore.get(key)).body).toString());
  await storage.federationStore.put(key, JSON.stringify({ ...plan, at: '2026-01-02T00:00:00.000Z' }));
}

/** Runs the GPU task, and takes a decision after its first step. Returns the steps that it made, and what it published. */
async function run(onFirstStep?: () => Promise<unknown>) {
  const { context, steps } = await gpuTaskContext(storage);
  let decision: Promise<unknown> | undefined;
  const result = await runGpuTask(message, {
    ...context,
    progress: (progress) => {
      context.progress(progress);
      decision ??= onFirstStep?.();
    },
    siteStore: (site) => {
      const own = context.siteStore(site);
      const tryGet: typeof own.tryGet = async (key) => {
        await decision;
        return own.tryGet(key);
      };
      return { ...own, tryGet };
    },
  });
  const prefix = federationKeys.siteUpdates(message, SITE);
  const names = (await collect(storage.federationStore.list(prefix))).map(({ key }) => key.slice(prefix.length));
  return { result, steps, names, update: await updateOf(storage, message) };
}

const REFUSED = { result: 'failed', names: ['failed.update.json'], update: { status: 'failed', code: 'NO_CONSENT' } };

test('a GPU task works under the consent of its site', async () => {
  expect(await run()).toMatchObject({ result: 'done', steps: [1, 2, 3], update: { status: 'ok' } });
});

describe('a GPU task starts nothing and publishes its refusal alone', () => {
  test.each<[string, () => Promise<unknown>]>([
    ['without an answer of its site', () => storage.siteStore(SITE).delete(siteKeys.consent('aortic'))],
    ['if its site has declined', () => decided({ state: 'declined' })],
    ['if its site has withdrawn', () => decided({ state: 'withdrawn' })],
    ['if the consent has ended', () => decided({ state: 'agreed', until: '2025-12-31T00:00:00.000Z' })],
    ['if the consent cannot be read', () => overwriteConsent('{')],
    ['if the plan was replaced', replacePlan],
  ])('%s', async (_, change) => {
    await change();

    expect(await run()).toMatchObject({ ...REFUSED, steps: [] });
  });
});

test('a GPU task publishes nothing of what it has learnt if its site withdraws meanwhile', async () => {
  const { steps, ...refused } = await run(() => decided({ state: 'withdrawn' }));

  expect(steps.length).toBeGreaterThan(0);
  expect(refused).toMatchObject(REFUSED);
});

const DIFFERENTIAL = { noise: 'local', clip: 1, noiseMultiplier: 1, epsilon: 20, sites: { teacher: 1 } } as const;
const NOISE = { noise: 'local', clip: 1, noiseMultiplier: 1, sites: 1 } as const;
const withBudget = (epsilon: number) =>
  decided({
    state: 'agreed',
    limits: { scores: 'cases', figures: true, minimumCases: 1, budget: { epsilon, delta: 1e-5 } },
  });

test.each([
  ['allows less than the noise of its update', true],
  ['allows no update without noise', false],
])('a GPU task publishes and spends nothing if its site sets a budget meanwhile that %s', async (_, isPrivate) => {
  if (isPrivate) {
    const privacy = { differentialPrivacy: DIFFERENTIAL };
    message = { ...(await openRound(storage, 'teacher', 1, null, { privacy })), privacy: NOISE };
    await withBudget(100);
  }

  const { steps, ...refused } = await run(() => withBudget(0.1));

  expect(steps.length).toBeGreaterThan(0);
  expect(refused).toMatchObject({ ...REFUSED, update: { status: 'failed', code: 'BUDGET_EXCEEDED' } });
  expect(await consentContext.store.tryGet(siteKeys.ledger)).toBeUndefined();
});
