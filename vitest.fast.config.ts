import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { options, projects } from './vitest.config.ts';

/** Tests that train networks, merge large files, synthesize stacks or start many processes, which takes seconds. */
const SLOW = [
  'cli/bundle/bundle.test.ts',
  'cli/campaign.test.ts',
  'cli/cost.test.ts',
  'cli/datasets/dicom-cases.test.ts',
  'cli/dicom-cts.test.ts',
  'cli/doctor/aws/doctor-aws.test.ts',
  'cli/local.test.ts',
  'cli/site/consent.test.ts',
  'cli/site/import.test.ts',
  'cli/site/inbox/watch.test.ts',
  'cli/site/invite/invite.test.ts',
  'cli/site/rescan.test.ts',
  'cli/site/upload.test.ts',
  'cli/site/withdraw.test.ts',
  'handlers/batch/merge-job.test.ts',
  'lib/aggregation/memory.test.ts',
  'lib/aggregation/strategies/strategies.test.ts',
  'lib/aggregation/untrained.test.ts',
  'lib/storage/launch-job.test.ts',
  'lib/imaging/heart-crop.test.ts',
  'lib/models/interchange/axis-order.test.ts',
  'lib/models/interchange/monai.test.ts',
  'lib/models/interchange/torch.test.ts',
  'lib/models/network-training.test.ts',
  'lib/models/network.test.ts',
  'lib/nn/control-variates.test.ts',
  'lib/training/algorithms.test.ts',
  'lib/training/gradient-inversion.test.ts',
  'lib/training/memory-estimate.test.ts',
  'lib/training/patches.test.ts',
  'lib/training/resume-round.test.ts',
  'lib/training/train-round.test.ts',
];
const missing = SLOW.filter((file) => !existsSync(new URL(file, import.meta.url)));
if (missing.length > 0)
  throw new Error(`vitest.fast.config.ts excludes files that do not exist: ${missing.join(', ')}.`);

/** `npm run test:fast`: the other unit tests and the packed package. CI runs it on every other supported release of Node. */
export default defineConfig({
  test: { ...options, projects: projects(['cli/**/*.test.ts', 'test/package.test.ts'], SLOW) },
});
