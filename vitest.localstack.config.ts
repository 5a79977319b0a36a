import { defineConfig } from 'vitest/config';
import { BUILD, options } from './vitest.config.ts';

/** Tests of `npm run test:localstack`. FEDCARDIO_TEST_ENDPOINT is the endpoint of LocalStack. */
export default defineConfig({
  test: {
    include: ['test/pipeline.test.ts', 'test/contract/**/*.test.ts', 'test/localstack-*.spec.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: 'forks',
    env: options.env,
    globalSetup: BUILD,
    // One file after the other: they share one LocalStack, and their GPU tasks share the machine.
    fileParallelism: false,
    // The bundled handlers are loaded unchanged, as in Lambda.
    server: { deps: { external: [/\/dist\//] } },
  },
});
