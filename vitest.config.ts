import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{lib,handlers,gpu-tasks,cdk,local,localstack,cli,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Of tests that say that they may run side by side: they wait more than they work.
    maxConcurrency: 12,
    coverage: {
      provider: 'v8',
      include: ['{lib,handlers,gpu-tasks,cdk,local,localstack,cli}/**/*.ts'],
      exclude: ['**/*.test.ts'],
    },
  },
});
