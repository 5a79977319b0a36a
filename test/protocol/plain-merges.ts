import { expect } from 'vitest';
import { federationKeys } from '../../lib/federation/keys.ts';
import { commitSchema, openSchema, planSchema, sealSchema } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { roundsOf } from '../../lib/protocol/plan.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { Weights } from '../../lib/weights/weights.ts';
import { plainMean } from './simulated-campaign.ts';
import type { SimulatedFederation } from './simulated-federation.ts';
import { type SimulatedSite, trainedBy } from './simulated-site.ts';

/** Merges every round of a completed campaign again, and checks every link of its hash chain. */
export async function expectPlainMerges(
  { context, writes }: SimulatedFederation,
  sites: readonly SimulatedSite[],
): Promise<void> {
  const { federationStore } = context;
  const plan = await readJson(federationStore, federationKeys.plan('tavi'), planSchema);
  for (const stage of plan.value.campaign.stages) {
    let previous = plan.sha256;
    let model: Weights | undefined;
    for (let round = 1; round <= roundsOf(stage); round++) {
      const at = { campaign: 'tavi', stage: stage.name, round };
      const open = await readJson(federationStore, federationKeys.open(at), openSchema);
      const seal = await readJson(federationStore, federationKeys.seal(at), sealSchema);
      const commit = await readJson(federationStore, federationKeys.commit(at), commitSchema);
      expect(open.value.previous).toBe(previous);
      expect(commit.value).toMatchObject({ seal: seal.sha256, previous });
      expect(seal.value.open).toBe(open.sha256);
      const merged = seal.value.updates.map(({ site }) => site);
      expect(merged).toEqual([...new Set(merged)].sort());
      expect(commit.value.sites).toEqual(merged);
      expect(open.value.participants.map(({ site }) => site)).toEqual(expect.arrayContaining(merged));
      if ('rounds' in stage) {
        const base = model;
        const expected = plainMean(
          sites
            .filter(({ id }) => merged.includes(id))
            .map((site) => ({ samples: site.samples, file: encodeSafetensors(trainedBy(site, base)) })),
        );
        const stored = (await federationStore.get(commit.value.global!.key)).body;
        expect(Buffer.compare(stored, expected)).toBe(0);
        expect(commit.value.global?.sha256).toBe(sha256Hex(expected));
        model = decodeSafetensors(stored);
        previous = commit.sha256;
      }
    }
  }
  const rewritten = [...writes].filter(
    ([key, count]) => count > 1 && /\/(plan|open|seal|commit|outcome|[^/]+\.update)\.json$/.test(key),
  );
  expect(rewritten).toEqual([]);
}
