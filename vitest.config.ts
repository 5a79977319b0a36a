import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{lib,handlers,gpu-tasks,cdk,localstack,cli,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    coverage: {
      provider: 'v8',
      include: ['{lib,handlers,gpu-tasks,cdk,localstack,cli}/**/*.ts'],
      exclude: ['**/*.test.ts'],
    },
  },
});
