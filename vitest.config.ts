import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const UNITS = ['{lib,handlers}/**/*.test.ts'];
/** Unit tests that are about their process. */
const OWN_PROCESS = ['lib/nn/backend.test.ts', 'lib/aggregation/incremental-marking.test.ts'];

/** How all tests run. */
export const options = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  pool: 'forks',
  // One more than cores: many tests wait for processes, timers and pictures. The default would even leave a core idle.
  maxWorkers: availableParallelism() + 1,
  // Limits tests that are marked as concurrent, which wait more than they compute.
  maxConcurrency: 12,
} as const;

/**
 * Unit tests share processes, which import what they have in common once; all other files have their own.
 *
 * @param exclude files that are left out
 */
export const projects = (others: readonly string[], exclude: readonly string[] = []) => [
  { test: { ...options, name: 'units', include: UNITS, exclude: [...OWN_PROCESS, ...exclude], isolate: false } },
  { test: { ...options, name: 'others', include: [...OWN_PROCESS, ...others], exclude: [...exclude] } },
];

export default defineConfig({
  test: {
    ...options,
    projects: projects([`{gpu-tasks,cdk,local,localstack,cli,page,test}/**/*.test.ts`]),
    coverage: {
      provider: 'v8',
      include: ['{lib,handlers,gpu-tasks,cdk,local,localstack,cli}/**/*.ts'],
      exclude: ['**/*.test.ts'],
    },
  },
});
