import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{lib,handlers,gpu-tasks,cdk,local,localstack,cli,page,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // The default leaves one core idle, which is half of a machine with two.
    maxWorkers: availableParallelism(),
    // Limits tests that are marked as concurrent, which wait more than they compute.
    maxConcurrency: 12,
    coverage: {
      provider: 'v8',
      include: ['{lib,handlers,gpu-tasks,cdk,local,localstack,cli}/**/*.ts'],
      exclude: ['**/*.test.ts'],
    },
  },
});
