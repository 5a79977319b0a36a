import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { federationKeys, type RoundAddress } from '../lib/federation/keys.ts';
import {
  type CampaignInput,
  cohortSchema,
  commitSchema,
  modelSchema,
  type Outcome,
  openedSchema,
  sealSchema,
  updateSchema,
} from '../lib/federation/schemas.ts';
import { TASKS } from '../lib/federation/tasks.ts';
import { canonicalJson } from '../lib/json.ts';
import { initialWeights } from '../lib/models/initial-weights.ts';
import { decodeMean, encodeFixed, errorBound } from '../lib/privacy/fixed-point.ts';
import { verifyCampaign } from '../lib/protocol/verify-campaign.ts';
import { readJson } from '../lib/storage/documents.ts';
import { decodeSafetensors, decodeTensors, encodeSafetensors } from '../lib/weights/safetensors.ts';
import { teacher, uploadToyCase } from './helpers/campaign.ts';
import { type LocalFederation, startLocalFederation } from './helpers/local-federation.ts';

const SITES = ['bonn', 'kiel', 'trier', 'ulm'];
const STAGE = {
  ...teacher('hinge-points', 2),
  aggregation: { strategy: 'fedavg' as const, clipFactor: null, shareFactor: null },
};
const campaign = (id: string, privacy?: CampaignInput['privacy']): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id,
  seed: 5,
  ...(privacy && { privacy }),
  stages: [STAGE],
});
const SECURE = campaign('masked', { secureAggregation: {} });
const PLAIN = campaign('plain');
const at = (id: string, round: number): RoundAddress => ({ campaign: id, stage: STAGE.name, round });

describe('a campaign with secure aggregation, over HTTP', () => {
  let local: LocalFederation;
  let outcome: Outcome;

  beforeAll(async () => {
    local = await startLocalFederation({ sites: SITES, duplicates: true });
    for (const [index, site] of SITES.entries()) {
      for (let i = 0; i <= index % 3; i++) {
        const item = { site, id: `patient-${site}-${i}`, use: 'training' as const, labels: ['hinge-points' as const] };
        await uploadToyCase(local.siteStore(site), item, 10 * index + i);
      }
    }
    await local.idle();
    outcome = await local.run(SECURE);
    expect(outcome).toMatchObject({ status: 'completed' });
    expect(await local.run(PLAIN)).toMatchObject({ status: 'completed' });
  }, 300_000);
  afterAll(() => local.close());

  const commitOf = async (id: string, round: number) =>
    (await readJson(local.federationStore, federationKeys.commit(at(id, round)), commitSchema)).value;
  const modelOf = async (id: string, round: number) =>
    (await local.federationStore.get((await commitOf(id, round)).global!.key)).body;
  const updatesOf = async (id: string, round: number) => {
    const { value: seal } = await readJson(local.federationStore, federationKeys.seal(at(id, round)), sealSchema);
    return Promise.all(
      seal.updates.map(async ({ key, site }) => {
        const { value } = await readJson(local.federationStore, key, updateSchema);
        if (value.status !== 'ok') throw new Error('The update is none.');
        return { site, update: value, file: (await local.federationStore.get(value.weights!.key)).body };
      }),
    );
  };

  test('gives the fixed-point mean of the plain updates to the byte', async () => {
    const { value: cohort } = await readJson(
      local.federationStore,
      federationKeys.cohort({ ...at('masked', 1), attempt: 1 }),
      cohortSchema,
    );
    const plain = await updatesOf('plain', 1);
    const start = initialWeights(modelSchema.parse((STAGE as { model: unknown }).model), [TASKS['hinge-points']], 5);
    const total = plain.reduce((sum, { update }) => sum + update.samples, 0);
    expect(cohort.terms.totalWeight).toBe(total);
    const expected = new Map(
      [...start].map(([name, { shape, data: from }]) => {
        const sum = new Int32Array(from.length);
        for (const { update, file } of plain) {
          const words = new Int32Array(from.length);
          const weights = decodeSafetensors(file).get(name)!.data;
          encodeFixed(
            weights.map((value, i) => value - from[i]!),
            update.samples,
            cohort.terms,
            words,
          );
          for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + words[i]!;
        }
        const mean = new Float32Array(from.length);
        decodeMean(sum, total, cohort.terms, mean);
        return [name, { dtype: 'F32' as const, shape, data: mean.map((value, i) => value + from[i]!) }];
      }),
    );

    const model = await modelOf('masked', 1);

    expect(Buffer.compare(model, encodeSafetensors(expected))).toBe(0);
    const averaged = decodeSafetensors(await modelOf('plain', 1));
    for (const [name, { data }] of decodeSafetensors(model)) {
      const other = averaged.get(name)!.data;
      const bound = errorBound(cohort.terms, total) + 1e-6;
      data.forEach((value, i) => {
        expect(Math.abs(value - other[i]!)).toBeLessThan(bound);
      });
    }
  });

  test('stores no update that is not noise, and no figures of a site', async () => {
    for (const round of [1, 2]) {
      for (const { update, file } of await updatesOf('masked', round)) {
        const words = [...decodeTensors(file)].flatMap(([, { data }]) => [...(data as Int32Array)]);
        const bits = Array.from({ length: 32 }, (_, bit) => words.filter((word) => (word >>> bit) & 1).length);
        const deviates = bits.map((ones) => (ones - words.length / 2) / Math.sqrt(words.length / 4));
        expect(Math.max(...deviates.map(Math.abs))).toBeLessThan(5.5);
        expect(update.figures).toEqual({});
      }
      expect((await commitOf('masked', round)).figures).toEqual({});
    }
  });

  test('is close to the plain campaign after all rounds', async () => {
    const plain = decodeSafetensors(await modelOf('plain', 2));
    for (const [name, { data }] of decodeSafetensors(await modelOf('masked', 2))) {
      data.forEach((value, i) => {
        expect(Math.abs(value - plain.get(name)!.data[i]!)).toBeLessThan(0.02);
      });
    }
  });

  test('keeps the secrets of the sites in their own buckets', async () => {
    for (const site of SITES) {
      const keys = await local.keys(local.siteStore(site));
      expect(keys).toContain('secure/masked/secret.json');
      expect(keys).toContain('identity/signing-key.json');
    }
    const shared = await local.keys(local.federationStore);
    expect(shared.filter((key) => /secret|signing-key/.test(key))).toEqual([]);
  });

  test('is verified, also that nobody has changed the opened secrets', async () => {
    const { federationStore } = local;
    const faultsIn = async (store = federationStore) => {
      const { faults, rounds } = await verifyCampaign(store, 'masked');
      return [...faults, ...rounds.flatMap((round) => round.faults)];
    };
    expect(await faultsIn()).toEqual([]);
    const key = federationKeys.opened(at('masked', 1));
    const { value } = await readJson(federationStore, key, openedSchema);
    const changed = { ...value, self: { ...value.self, bonn: Buffer.alloc(32).toString('base64') } };

    const faults = await faultsIn({
      ...federationStore,
      tryGet: async (asked) =>
        asked === key ? { body: Buffer.from(canonicalJson(changed)), etag: '"x"' } : federationStore.tryGet(asked),
    });

    expect(faults.join()).toContain('opened secret of bonn is wrong');
    expect(faults.join()).toContain('commit.json does not name opened.json');
  });
});
