import type { CampaignInput, Federation, ModelConfig } from '../../lib/federation/schemas.ts';
import { names } from '../../lib/federation/topology.ts';

/** The campaign of every chaos run: eight sites, two of them on premises, networks and volumes as small as they come. */

const CLOUD_SITES = ['aachen', 'bonn', 'graz', 'lyon', 'oslo', 'ulm'] as const;
export const HOSPITALS = ['jena', 'kiel'] as const;
export const SITES = [...CLOUD_SITES, ...HOSPITALS] as const;

export type Hospital = (typeof HOSPITALS)[number];
export type SiteId = (typeof SITES)[number];
export const isHospital = (site: string): site is Hospital => (HOSPITALS as readonly string[]).includes(site);

const principal = 'arn:aws:iam::111122223333:role/machine';
export const FEDERATION: Federation = {
  schema: 'fedcardio.federation/1',
  id: 'heart',
  sites: SITES.map((id) => ({ id, name: id, ...(isHospital(id) && { place: 'on-premises', principal }) })),
};

const TASK = 'hinge-points';
/** All sites or none: no round can close early, so that every run merges the same updates. */
const quorum = { minSites: SITES.length, minFraction: 1, deadlineSeconds: 7200 };
const model: ModelConfig = { kind: 'unet', features: [4, 8], deepSupervision: true };
/** A checkpoint after every step. */
const training = { patch: 16, spacing: 6, steps: 3, learningRate: 1e-2, warmup: 0, checkpointSeconds: 0.001 };

export const CAMPAIGN: CampaignInput = {
  schema: 'fedcardio.campaign/1',
  id: 'aortic',
  seed: 5,
  stages: [
    { kind: 'teacher', name: 'teacher', task: TASK, rounds: 1, model, training, quorum },
    {
      kind: 'pseudo-label',
      name: 'pseudo-label',
      teachers: ['teacher'],
      // All are accepted, because a teacher of three steps predicts noise.
      filter: { minConfidence: 0, plausibility: false },
      soft: true,
      quorum,
    },
    {
      kind: 'student',
      name: 'student',
      tasks: [TASK],
      pseudoLabels: 'pseudo-label',
      rounds: 2,
      model,
      training,
      quorum,
    },
  ],
};

/** The same stages. The sites' updates are summed masked, so that the coordinator sees none of them. */
export const MASKED_CAMPAIGN: CampaignInput = { ...CAMPAIGN, privacy: { secureAggregation: {} } };

/** Rounds that the campaign commits, in their order. */
export const ROUNDS = ['teacher#1', 'pseudo-label#1', 'student#1', 'student#2'] as const;

/** A labelled case and one to pseudo-label at each site, of four different volumes in all. */
export const CASES = [
  { id: 'labelled', labels: [TASK] as const, volume: 0 },
  { id: 'unlabelled', labels: [] as const, volume: 1 },
] as const;
/** Neighbouring sites have different volumes. */
export const volumeOf = (site: string, volume: number): number => 2 * (SITES.indexOf(site as SiteId) % 2) + volume;

/** The queue that takes a site's uploads, and that of its GPU tasks. */
export const queuesOf = (site: string) => ({
  intake: names.intakeQueue(FEDERATION.id, site),
  tasks: names.gpuTaskQueue(FEDERATION.id, site),
});
