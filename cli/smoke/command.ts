import { randomInt } from 'node:crypto';
import { Command } from 'commander';
import { FedcardioError } from '../../lib/error.ts';
import { type Federation, isOnPremises } from '../../lib/federation/schemas.ts';
import { SMOKE_TEST } from '../../lib/federation/smoke-test.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { type CampaignFlags, federationOf, openBuckets, placed } from '../campaign.ts';
import { siteOf } from '../deploy-info/command.ts';
import { onInterrupt } from '../interrupt.ts';
import { atLeastOne } from '../options.ts';
import { printJson } from '../print-json.ts';
import type { SmokeStores } from './stores.ts';

interface SmokeFlags extends CampaignFlags {
  readonly sites?: readonly string[];
  readonly wait: number;
  readonly intakeWait: number;
  readonly assume: boolean;
  readonly keep?: boolean;
}

/** `fedcardio smoke`: whether a deployment works from an upload to a merged model. */
export const smokeCommand = (): Command =>
  placed(new Command('smoke'))
    .option('--sites <ids...>', 'only these sites (default: all of federation.json that are on AWS)')
    .option('--wait <minutes>', 'minutes to wait for the round, with hosts that have to start', atLeastOne, 60)
    .option('--intake-wait <minutes>', 'minutes to wait for intake', atLeastOne, 10)
    .option('--no-assume', 'use this identity itself, not the upload, withdraw and research roles')
    .option('--keep', 'leave cases and campaign as they are')
    .addHelpText(
      'after',
      `
Needs --federation federation.json. On AWS it assumes the roles <id>-<site>-upload, <id>-<site>-withdraw and <id>-research:
name your identity in uploaders, withdrawers and researchers. Nothing of it enters other campaigns: only campaigns whose id
begins with ${SMOKE_TEST} use cases whose names begin so, and they use no others. What stays: the campaign's objects in the
federation bucket, and checkpoints, which expire. Ctrl-C cleans up. Exits with 1 if a step failed.

Examples:
  npx fedcardio smoke --federation federation.json
  npx fedcardio smoke --federation federation.json --sites heidelberg --wait 90
  npx fedcardio smoke --federation federation.json --endpoint http://127.0.0.1:4566`,
    )
    .action(smoke);

async function smoke(flags: SmokeFlags): Promise<void> {
  const { declared } = federationOf(flags);
  if (!declared) {
    throw new FedcardioError('BAD_CONFIGURATION', 'A smoke test needs to know the sites.', {
      hint: 'Name the file with --federation federation.json.',
    });
  }
  const [{ runSmokeTest }, { cleanUp }, { createSteps, stepLine, stepsText }, { readTasks }] = await Promise.all([
    import('./run-smoke.ts'),
    import('./clean-up.ts'),
    import('./steps.ts'),
    import('../../lib/storage/federation-tasks.ts'),
  ]);
  const { signal, release } = onInterrupt();
  const say = (step: Parameters<typeof stepLine>[0]) => console.error(stepLine(step));
  const steps = createSteps(signal, say);
  const stores = await storesFor(declared, flags);
  const tasks = await readTasks({ federation: declared, federationStore: stores.research });
  const test = {
    id: `${SMOKE_TEST}${randomInt(100_000, 1_000_000)}`,
    federation: declared.id,
    sites: sitesOf(declared, flags.sites),
    stores,
    task: tasks[0] as Task,
    intakeSeconds: flags.intakeWait * 60,
    roundSeconds: flags.wait * 60,
    signal,
  };
  const cleaning = createSteps(new AbortController().signal, say);
  try {
    await runSmokeTest(test, steps);
  } finally {
    if (signal.aborted) console.error('Interrupted: cleaning up. Ctrl-C again leaves everything as it is.');
    if (!flags.keep) await cleanUp(test, cleaning);
    release();
  }
  const all = [...steps.all, ...cleaning.all];
  if (flags.json) printJson('smoke', { id: test.id, passed: all.every(({ ok }) => ok), steps: all });
  else console.log(stepsText(all));
  if (!all.every(({ ok }) => ok)) process.exitCode = 1;
}

async function storesFor(federation: Federation, flags: SmokeFlags): Promise<SmokeStores> {
  const { assumedStores, ownStores } = await import('./stores.ts');
  return flags.endpoint !== undefined || !flags.assume
    ? ownStores(await openBuckets(flags), federation.id)
    : assumedStores(federation);
}

function sitesOf(federation: Federation, asked: readonly string[] | undefined): readonly string[] {
  if (asked) return [...new Set(asked.map((id) => siteOf(federation, id).id))];
  const onAws = federation.sites.filter((site) => !isOnPremises(site)).map(({ id }) => id);
  if (onAws.length > 0) return onAws;
  throw new FedcardioError('NO_DATA', 'No site of this federation is on AWS.', {
    hint: 'Name sites whose buckets this machine reaches with --sites.',
  });
}
