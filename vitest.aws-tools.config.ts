import { defineConfig } from 'vitest/config';

/** Tests of `npm run test:aws-tools`. FEDCARDIO_TEST_PYTHON is a Python with the packages of test/aws-tools/requirements.txt. */
export default defineConfig({
  test: {
    include: ['test/aws-tools/*.spec.ts'],
    testTimeout: 120_000,
    hookTimeout: 600_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
