import type { CampaignInput } from '../../lib/federation/schemas.ts';

/** A campaign of one round of two steps, with the smallest network that trains. */
export const smokeCampaign = (id: string, task: string, deadlineSeconds: number): CampaignInput => ({
  schema: 'fedcardio.campaign/1',
  id,
  stages: [
    {
      kind: 'teacher',
      name: 'smoke-test',
      task,
      rounds: 1,
      model: { kind: 'unet', features: [4, 8], deepSupervision: true },
      training: { patch: 16, spacing: 6, steps: 2, learningRate: 1e-2, warmup: 0 },
      quorum: { deadlineSeconds },
    },
  ],
});
