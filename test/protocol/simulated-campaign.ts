import { expect } from 'vitest';
import type { z } from 'zod';
import { federationKeys } from '../../lib/federation/keys.ts';
import {
  type CampaignInput,
  commitSchema,
  openSchema,
  planSchema,
  type quorumSchema,
  sealSchema,
} from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { roundsOf } from '../../lib/protocol/plan.ts';
import { readJson } from '../../lib/storage/documents.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { Weights } from '../../lib/weights/weights.ts';
import type { SimulatedFederation } from './simulated-federation.ts';
import { type SimulatedSite, trainedBy } from './simulated-site.ts';

/** Two of three sites are a quorum; the third has 15 more minutes. */
export const QUORUM = { minFraction: 0.6, deadlineSeconds: 86_400, closeAfterQuorumSeconds: 900 };

type QuorumInput = z.input<typeof quorumSchema>;

const learntWith = (quorum: QuorumInput) => ({
  model: { kind: 'unet' as const, features: [4, 8] },
  training: { steps: 1, learningRate: 0.001 },
  // Simulated sites send values that lie far apart: clipped, they would not merge to a plain mean.
  aggregation: { strategy: 'fedavg' as const, clipFactor: null },
  quorum,
});
const task = 'hinge-points' as const;

/** Three rounds: two that train, the second from the first, and one that only evaluates. */
export const smallCampaignWith = (quorum: QuorumInput): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id: 'tavi',
  stages: [
    { kind: 'teacher', name: 'teacher', task, rounds: 2, ...learntWith(quorum) },
    { kind: 'evaluate', name: 'evaluate', models: { teacher: 'teacher' }, quorum },
  ],
});

/** Stages of several kinds, all with the same quorum. */
export function campaignWith(quorum: QuorumInput): CampaignInput {
  const learnt = learntWith(quorum);
  return {
    schema: 'fedcardio.campaign/1',
    id: 'tavi',
    stages: [
      { kind: 'teacher', name: 'teacher/hinge-points', task, rounds: 2, ...learnt },
      { kind: 'pseudo-label', name: 'label', teachers: ['teacher/hinge-points'], quorum },
      { kind: 'student', name: 'student', tasks: [task], pseudoLabels: 'label', rounds: 2, ...learnt },
      { kind: 'student', name: 'control', tasks: [task], rounds: 1, ...learnt },
      { kind: 'evaluate', name: 'evaluate', models: { student: 'student', control: 'control' }, quorum },
    ],
  };
}

/** Weighted mean of weight files in its simplest form, independent of the product's merge. */
export function plainMean(models: readonly { readonly samples: number; readonly file: Uint8Array }[]): Uint8Array {
  const total = models.reduce((sum, { samples }) => sum + samples, 0);
  const values = models.map(({ samples, file }) => ({ samples, w: decodeSafetensors(file).get('w')?.data ?? [] }));
  const data = new Float32Array(3).map(
    (_, i) => values.reduce((sum, { samples, w }) => sum + samples * Number(w[i]), 0) / total,
  );
  return encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [3], data }]]));
}

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
