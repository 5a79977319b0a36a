import { setTimeout as delay } from 'node:timers/promises';
import { mapConcurrently } from '../../lib/async.ts';
import { FedcardioError } from '../../lib/error.ts';
import { federationKeys } from '../../lib/federation/keys.ts';
import { summarySchema } from '../../lib/federation/schemas.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { type CampaignStatus, campaignStatus } from '../../lib/protocol/status.ts';
import { tryReadJson } from '../../lib/storage/documents.ts';
import { cellOf } from '../campaign/cells.ts';
import { awaitVerdicts } from '../site/await-verdicts.ts';
import { createStatesReader } from '../site/read-states.ts';
import { smokeCampaign } from './smoke-campaign.ts';
import { smokeCase } from './smoke-case.ts';
import type { Steps } from './steps.ts';
import type { SmokeStores } from './stores.ts';

export interface SmokeTest {
  /** Id of the campaign and of the cases. */
  readonly id: string;
  readonly federation: string;
  readonly sites: readonly string[];
  readonly stores: SmokeStores;
  readonly task: Task;
  /** Seconds to wait for intake, and for the round. */
  readonly intakeSeconds: number;
  readonly roundSeconds: number;
  readonly signal: AbortSignal;
}

const LOOK_MS = 2_000;

/** Uploads a case for each site, waits for intake, and runs a campaign of one round. Cleans nothing up. */
export async function runSmokeTest(test: SmokeTest, steps: Steps): Promise<void> {
  const { id, sites, stores, signal } = test;
  const ready = await mapConcurrently(sites, sites.length, async (site) => {
    const uploaded = await steps.run({ site, step: 'upload' }, () => upload(test, site));
    if (!uploaded) return [];
    const accepted = await steps.run({ site, step: 'intake' }, () => intake(test, site));
    return accepted ? [site] : [];
  });
  const able = ready.flat();
  if (able.length === 0) return;
  signal.throwIfAborted();
  const started = await steps.run({ step: 'campaign started' }, async () => {
    const body = JSON.stringify(smokeCampaign(id, test.task.id, test.roundSeconds));
    const created = await stores.research.putIfAbsent(federationKeys.campaign(id), body);
    if (created === 'exists') throw new FedcardioError('PRECONDITION_FAILED', `There is a campaign ${id} already.`);
    return [true, id] as const;
  });
  if (started) await followCampaign(test, able, steps);
}

async function upload({ id, stores, task }: SmokeTest, site: string): Promise<readonly [true, string]> {
  const files = smokeCase(id, task, seedOf(site, id));
  const store = stores.upload(site);
  for (const { key, body } of files) await store.put(key, body);
  const bytes = files.reduce((sum, { body }) => sum + body.length, 0);
  return [true, `case ${id}, ${(bytes / 1e6).toFixed(1)} MB`];
}

/** Different patients, since intake refuses a CT that it knows. */
const seedOf = (site: string, id: string): number =>
  Buffer.from(`${site}/${id}`).reduce((hash, byte) => (Math.imul(hash, 31) + byte) >>> 0, 7);

async function intake(test: SmokeTest, site: string): Promise<readonly [true, string]> {
  const { id, stores, intakeSeconds, signal } = test;
  const cases = new Set([id]);
  const reader = createStatesReader(stores.upload(site));
  const [state] = await awaitVerdicts(reader, { cases, patienceSeconds: intakeSeconds, signal });
  if (state?.verdict !== 'accepted') {
    const reasons = state?.files.flatMap(({ reason }) => reason ?? []).join(' ');
    throw new FedcardioError('NO_DATA', `Intake says "${state?.verdict ?? 'nothing'}". ${reasons ?? ''}`.trim(), {
      hint:
        state?.verdict === 'pending' ? "Look at the intake function's log, its queue and its dead letters." : undefined,
    });
  }
  await until(test, intakeSeconds, `The counts of ${site} do not include the case.`, async () => {
    const summary = await tryReadJson(stores.research, federationKeys.summary(site), summarySchema);
    return (summary?.value.smokeTests ?? 0) > 0;
  });
  return [true, 'accepted and counted'];
}

async function until(
  { signal }: Pick<SmokeTest, 'signal'>,
  seconds: number,
  otherwise: string,
  isReached: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await isReached())) {
    if (performance.now() > end) throw new FedcardioError('NO_DATA', `${otherwise} Waited ${seconds} s.`);
    await delay(LOOK_MS, undefined, { signal });
  }
}

/** Steps of the campaign: the plan, the update of each site, the merge. */
async function followCampaign(test: SmokeTest, sites: readonly string[], steps: Steps): Promise<void> {
  const { id, stores, roundSeconds } = test;
  const context = {
    federation: { id: test.federation },
    federationStore: stores.research,
    now: () => new Date(),
    log: () => undefined,
  };
  let status: CampaignStatus | undefined;
  const look = async () => {
    status = await campaignStatus(context, id);
    return status;
  };
  const round = () => status?.stages[0]?.rounds[0];
  const ended = () => status?.endedAt !== undefined;
  const waitFor = (otherwise: string, isReached: () => boolean) =>
    until(test, roundSeconds, otherwise, async () => {
      await look();
      return isReached() || ended();
    });
  const opened = await steps.run({ step: 'round opened' }, async () => {
    await waitFor('The coordinator opened no round.', () => round() !== undefined);
    const participants = round()?.participants ?? [];
    if (participants.length === 0) throw failureOf(status);
    const missing = sites.filter((site) => !participants.includes(site));
    if (missing.length > 0) throw new FedcardioError('NO_DATA', `${missing.join(', ')} do not take part in the round.`);
    return [true, participants.join(', ')] as const;
  });
  if (!opened && !round()) return;
  await mapConcurrently(sites, sites.length, (site) =>
    steps.run({ site, step: 'GPU task' }, async () => {
      const became = () => {
        const at = round();
        return at && cellOf(at, site);
      };
      await waitFor(`${site} has sent no update.`, () => (became()?.became ?? 'waited for') !== 'waited for');
      const cell = became();
      if (cell && ['answered', 'merged', 'clipped', 'limited'].includes(cell.became))
        return [true, 'update received'] as const;
      throw new FedcardioError(
        'CAMPAIGN_FAILED',
        `The update is ${cell?.became ?? 'missing'}. ${cell?.reason ?? ''}`.trim(),
      );
    }),
  );
  await steps.run({ step: 'merge' }, async () => {
    await waitFor('The campaign has not ended.', () => false);
    if (status?.phase !== 'completed') throw failureOf(status);
    return [true, `merged ${round()?.updated.length ?? 0} updates, campaign completed`] as const;
  });
}

const failureOf = (status: CampaignStatus | undefined): FedcardioError =>
  new FedcardioError(
    'CAMPAIGN_FAILED',
    `The campaign is ${status?.phase ?? 'missing'}. ${status?.reason ?? ''}`.trim(),
    {
      hint: 'Look at the logs of orchestrate, sweep and aggregate.',
    },
  );
