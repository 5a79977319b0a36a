import { defineConfig } from 'vitest/config';

/** `npm run test:deployed`: the pipeline on what the synthesized templates describe. */
export default defineConfig({
  test: { include: ['test/deployed/*.spec.ts'], testTimeout: 60_000, hookTimeout: 120_000, pool: 'forks' },
});
