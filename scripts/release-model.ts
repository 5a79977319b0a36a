/**
 * Trains the demo's models on phantoms and writes them for others, with their cards and SHA256SUMS. The same release gives
 * the same bytes on the same machine, as long as it uses the same tensor backend.
 *
 * Usage: node --import tsx scripts/release-model.ts [--quick] [--seed <number>] [--out <folder>] [--data <folder>]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { campaignOf } from '../cli/demo/demo-campaign.ts';
import { runScenario } from '../cli/demo/run.ts';
import { onInterrupt } from '../cli/interrupt.ts';
import { requireReleaseFolder, writeRelease } from '../cli/release/write-release.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'dist/release-model' },
    data: { type: 'string', default: '.fedcardio/release-model' },
  },
});
requireReleaseFolder(values.out);
const { signal, release } = onInterrupt();
await runScenario(
  {
    profile: values.quick ? 'quick' : 'full',
    seed: Number(values.seed),
    out: values.out,
    data: values.data,
    resume: false,
    resumeWith: 'npm run release-model',
    keep: false,
    tasks: Math.min(2, availableParallelism()),
    port: 0,
    endpoint: undefined,
    json: false,
    signal,
  },
  campaignOf,
  async ({ scenario, campaign, directory, session, memory }, { context }) => {
    const files = await writeRelease(
      { ...context, federation: scenario.federation, campaign: campaign.id },
      values.out,
    );
    directory.save({ finished: true, peakRss: memory.peak() });
    session.close();
    console.log(`${files.length} files in ${values.out}.`);
  },
).finally(release);
