import { defineConfig } from 'vitest/config';

/** What `npm run test:localstack` runs: FEDCARDIO_TEST_ENDPOINT says where LocalStack is. */
export default defineConfig({
  test: {
    include: ['test/pipeline.test.ts', 'test/contract/**/*.test.ts', 'test/localstack-*.spec.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: 'forks',
    // One file after the other: they share one LocalStack, and their tasks the machine.
    fileParallelism: false,
    // The bundled handlers run as they are, as Lambda would run them.
    server: { deps: { external: [/\/dist\//] } },
  },
});
