import { defineConfig } from 'vitest/config';
import { BUILD, options } from './vitest.config.ts';

/** `npm run mutate` (scripts/mutate.mjs), which says which tests. */
export default defineConfig({
  test: { ...options, globalSetup: BUILD, include: JSON.parse(process.env.FEDCARDIO_MUTATION_TESTS ?? '[]') },
});
