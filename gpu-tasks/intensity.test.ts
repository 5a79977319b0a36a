import { expect, test } from 'vitest';
import { siteKeys } from '../lib/federation/keys.ts';
import { CT_INTENSITY, type Intensity } from '../lib/imaging/intensity.ts';
import { canonicalJson } from '../lib/json.ts';
import { decodePackage, encodePackage } from '../lib/models/package.ts';
import { runGpuTask } from './run-gpu-task.ts';
import { trainedModel } from './stage-model.ts';
import { commitUpdateOf, gpuTaskContext, openRound, SITE, stores, updateOf, uploadCase } from './testing.ts';

const WIDE: Intensity = { low: -1000, high: 1000, mean: 0, deviation: 1000 };

/** Trains, labels, and scores with one intensity; the intensities of all prepared CTs, and the hash of the update. */
async function campaignWith(intensity: Intensity | undefined) {
  const storage = stores();
  await uploadCase(storage, 'training', 'p1', true);
  await uploadCase(storage, 'training', 'p2', false);
  await uploadCase(storage, 'evaluation', 'p3', true);
  const { context } = await gpuTaskContext(storage);
  const prepared: { stage: string; intensity: unknown }[] = [];
  const options = intensity ? { training: { intensity } } : {};
  let stage = 'teacher';
  const cache: typeof context.cache = {
    maxBytes: context.cache.maxBytes,
    get: (key, load) => {
      const at = key.indexOf('/{');
      if (at >= 0) prepared.push({ stage, intensity: JSON.parse(key.slice(at + 1)).intensity });
      return context.cache.get(key, load);
    },
  };
  const first = await openRound(storage, 'teacher', 1, null, options);
  await runGpuTask(first, { ...context, cache });
  const base = await commitUpdateOf(storage, first);
  const second = await openRound(storage, 'teacher', 2, base, options);
  await runGpuTask(second, { ...context, cache });
  await commitUpdateOf(storage, second);
  for (stage of ['label', 'evaluate']) {
    await runGpuTask(await openRound(storage, stage, 1, null, options), { ...context, cache });
  }
  const update = await updateOf(storage, first);
  const label = siteKeys.pseudoLabelReport({ campaign: 'aortic', stage: 'label' }, 'calcification', 'p2');
  return {
    prepared,
    sha256: update.status === 'ok' ? update.weights?.sha256 : undefined,
    hasLabel: (await storage.siteStore(SITE).head(label)) !== undefined,
    model: await trainedModel(storage.federationStore, 'aortic', 'teacher'),
  };
}

test('every GPU task of a stage prepares CTs with the intensity of the network that it runs', async () => {
  const { prepared, hasLabel, model } = await campaignWith(WIDE);

  expect(hasLabel).toBe(true);
  expect([...new Set(prepared.map(({ stage }) => stage))]).toEqual(['teacher', 'label', 'evaluate']);
  for (const { intensity } of prepared) expect(intensity).toEqual(WIDE);
  expect(decodePackage(encodePackage(model, '0.1.0'), 'm').intensity).toEqual(WIDE);
});

test('another intensity trains another model, the written default the same as none', async () => {
  const [without, written, wide] = [
    await campaignWith(undefined),
    await campaignWith(CT_INTENSITY),
    await campaignWith(WIDE),
  ];

  expect(written.sha256).toBe(without.sha256);
  expect(wide.sha256).not.toBe(without.sha256);
  expect(canonicalJson(without.model.intensity)).toBe(canonicalJson(CT_INTENSITY));
});
