import { existsSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BUILD, options, projects } from './vitest.config.ts';

/** Tests that merge large files, compute much, synthesize stacks or start many processes, which takes seconds. */
const SLOW = [
  'lib/dicom/kinds.test.ts',
  'lib/imaging/heart-crop.test.ts',
  'lib/nn/control-variates.test.ts',
  'cli/bundle/bundle.test.ts',
  'cli/campaign.test.ts',
  'cli/cost.test.ts',
  'cli/datasets/dicom-cases.test.ts',
  'cli/dead-letters/letters.test.ts',
  'cli/demo/case-files.test.ts',
  'cli/deploy-info/deploy-info.test.ts',
  'cli/dicom-cts.test.ts',
  'cli/doctor/aws/doctor-aws.test.ts',
  'cli/image/image.test.ts',
  'cli/local.test.ts',
  'cli/predict-ct.test.ts',
  'cli/site/consent.test.ts',
  'cli/site/import.test.ts',
  'cli/site/inbox/watch.test.ts',
  'cli/site/invite/invite.test.ts',
  'cli/site/rescan.test.ts',
  'cli/site/upload.test.ts',
  'cli/site/withdraw.test.ts',
  'handlers/batch/merge-job.test.ts',
  'lib/aggregation/clipping.test.ts',
  'lib/aggregation/memory.test.ts',
  'lib/aggregation/strategies/robustness.test.ts',
  'lib/aggregation/strategies/strategies.test.ts',
  'lib/aggregation/untrained.test.ts',
  'lib/intake/hounsfield.test.ts',
  'lib/intake/same-scan.test.ts',
  'lib/privacy/accountant.test.ts',
  'lib/privacy/noise.test.ts',
  'lib/privacy/secure-sum.test.ts',
  'lib/storage/launch-job.test.ts',
];
const missing = SLOW.filter((file) => !existsSync(new URL(file, import.meta.url)));
if (missing.length > 0)
  throw new Error(`vitest.fast.config.ts excludes files that do not exist: ${missing.join(', ')}.`);

/** Rooms that compute alone: what they compute does not depend on the release of Node. */
const COMPUTING = 'lib/{federation,models,phantom,report,scoring,training,weights}/**';

/**
 * `npm run test:fast`: the other unit tests. CI runs it on every other supported release of Node.
 */
export default defineConfig({
  test: {
    ...options,
    globalSetup: BUILD,
    projects: projects({ units: '{lib,handlers,cli}/**/*.test.ts' }, [], [COMPUTING, ...SLOW]),
  },
});
