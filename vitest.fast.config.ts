import { defineConfig } from 'vitest/config';
import all from './vitest.config.ts';

/**
 * What CI runs on every supported release of Node besides the main one (`npm run test:fast`): the unit tests without
 * those that train networks, merge large files or synthesize stacks for seconds, and the package as others install it.
 */
export default defineConfig({
  test: {
    ...all.test,
    include: ['{lib,handlers,cli}/**/*.test.ts', 'test/package.test.ts'],
    exclude: [
      'cli/campaign.test.ts',
      'cli/cost.test.ts',
      'handlers/batch/merge-job.test.ts',
      'lib/aggregation/{memory,untrained}.test.ts',
      'lib/aggregation/strategies/strategies.test.ts',
      'lib/aws/launch-job.test.ts',
      'lib/imaging/heart.test.ts',
      'lib/models/{network,training}.test.ts',
      'lib/models/interchange/monai.test.ts',
      'lib/training/{patches,resume-round,train-round,training-memory}.test.ts',
    ],
  },
});
