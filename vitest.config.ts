import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Tests that leave their process as they found it: they share processes, which import what they have in common once. More projects
 * would cost more than they save, since each compiles what it imports itself.
 */
const SHARED = {
  units: '{lib,handlers,gpu-tasks,local,page,test/contract,test/protocol}/**/*.test.ts',
  commands: '{cdk,cli}/**/*.test.ts',
};
/** Of these, tests that are about their process. */
const OWN_PROCESS = [
  'lib/nn/backend.test.ts',
  'lib/aggregation/incremental-marking.test.ts',
  'gpu-tasks/memory-limit.test.ts',
];

/** Tests that take longest: minutes. As small files they would be started last, and the other workers would wait for them. */
const LONGEST = [
  'test/adversary',
  'test/chaos/chaos',
  'test/page/every-screen',
  'test/protocol/small',
  'test/own-data',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(`${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

/** Runs before all tests. */
export const BUILD = 'scripts/build-app.mjs';

/** How all tests run. */
export const options = {
  testTimeout: 60_000,
  hookTimeout: 60_000,
  pool: 'forks',
  // Processes that tests start. scripts/build-app.mjs builds them first.
  env: { FEDCARDIO_BUILT: '1' },
  // The default leaves one core idle, which is half of a machine with two. One more than cores takes as long: tests compute.
  maxWorkers: availableParallelism(),
  // Limits tests that are marked as concurrent, which wait more than they compute.
  maxConcurrency: 12,
} as const;

/**
 * Tests that share processes, by project, and others, each file of which has a process of its own.
 *
 * @param exclude files that are left out
 */
export const projects = (
  shared: Readonly<Record<string, string>>,
  others: readonly string[],
  exclude: readonly string[] = [],
) => [
  ...Object.entries(shared).map(([name, include]) => ({
    test: { ...options, name, include: [include], exclude: [...OWN_PROCESS, ...exclude], isolate: false },
  })),
  { test: { ...options, name: 'others', include: [...OWN_PROCESS, ...others], exclude: [...exclude] } },
];

export default defineConfig({
  test: {
    ...options,
    globalSetup: BUILD,
    sequence: { sequencer: LongestFirst },
    projects: projects(SHARED, ['localstack/**/*.test.ts', 'test/{*,!(contract|protocol)/**/*}.test.ts']),
    coverage: {
      provider: 'v8',
      include: ['{lib,handlers,gpu-tasks,cdk,local,localstack,cli}/**/*.ts'],
      exclude: ['**/*.test.ts'],
    },
  },
});
