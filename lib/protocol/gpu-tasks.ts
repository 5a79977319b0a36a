import { mapConcurrently } from '../async.ts';
import { describeErrorOf, isFedcardioError } from '../error.ts';
import { FAILED_ID, federationKeys, parseUpdateKey, type RoundAddress } from '../federation/keys.ts';
import {
  type GpuTaskAddress,
  type GpuTaskMessage,
  gpuTaskMessageSchema,
  type Open,
  sentSchema,
  type Update,
  updateSchema,
} from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { isRecent } from '../recent.ts';
import type { FederationStore } from '../storage/contract.ts';
import { createJson, documentBody, readStored, writeDocument } from '../storage/documents.ts';
import { isListed } from '../storage/listed.ts';
import type { CoordinatorContext, StoreContext } from './context.ts';
import { boundedReason } from './reasons.ts';

const SENDS_AT_ONCE = 16;

/**
 * Sends a round's GPU task, with the round's terms, to the participants that have not answered, and records the time. A
 * site whose queue cannot be reached does not stop the others: it is logged and retried with the next resend. Throws
 * if no site could be reached.
 *
 * @param answered sites that have answered and need no message; undefined when the tasks are sent for the first time
 */
export async function sendGpuTasks(
  context: CoordinatorContext,
  open: Open,
  { answered, isForAll = true }: { readonly answered?: ReadonlySet<string>; readonly isForAll?: boolean } = {},
): Promise<void> {
  const { federation, federationStore, queues, now, log } = context;
  const { participants, quorum, previous, schema, validation, ...terms } = open;
  const at = { campaign: open.campaign, stage: open.stage, round: open.round };
  const sites = participants.map(({ site }) => site).filter((site) => !answered?.has(site));
  const failures: unknown[] = [];
  await mapConcurrently(sites, SENDS_AT_ONCE, async (site) => {
    const message: GpuTaskMessage = {
      schema: open.secure ? 'fedcardio.task/2' : 'fedcardio.task/1',
      federation: federation.id,
      site,
      ...terms,
      resent: answered !== undefined,
    };
    try {
      await queues.send(names.gpuTaskQueue(federation.id, site), documentBody(gpuTaskMessageSchema, message));
    } catch (error) {
      failures.push(error);
      log('task-not-sent', { ...at, site, reason: String(error) });
    }
  });
  if (failures.length > 0 && failures.length === sites.length) throw failures[0];
  // sent.json dates the next resend to all sites, which sending to one of them must not postpone.
  if (isForAll) {
    const sent = { schema: 'fedcardio.sent/1' as const, ...at, at: now().toISOString(), sites };
    await writeDocument(federationStore, federationKeys.sent(at), sentSchema, sent);
  }
  log('tasks-sent', { ...at, sites });
}

/** The sites that a round's GPU tasks were last sent to: a hint, empty if this release cannot read it. */
export async function lastSentTo(store: Pick<FederationStore, 'tryGet'>, at: RoundAddress): Promise<readonly string[]> {
  try {
    return (await readStored(store, federationKeys.sent(at), sentSchema))?.value?.sites ?? [];
  } catch (error) {
    if (!isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
    return [];
  }
}

/** Seconds during which a message that was sent for the first time counts as current. */
const FRESH_SECONDS = 60;

/**
 * Whether a GPU task was requested just now and for the first time. Such a GPU task is due without any request to the storage.
 * At worst, a message that is delivered twice within this time starts an unneeded GPU task.
 */
export function isFresh({ at, resent }: Pick<GpuTaskMessage, 'at' | 'resent'>, now: Date): boolean {
  return !resent && isRecent(new Date(at), now, FRESH_SECONDS);
}

/**
 * Whether a site's GPU task still has to run: not if the site has answered or the round has closed. A message may arrive
 * late or twice, and an unneeded GPU costs more than the requests made here.
 */
export async function isGpuTaskDue(
  { federationStore }: { readonly federationStore: Pick<FederationStore, 'list'> },
  message: Omit<GpuTaskAddress, 'federation'>,
): Promise<boolean> {
  for await (const { key } of federationStore.list(federationKeys.siteUpdates(message, message.site))) {
    const update = parseUpdateKey(key);
    if (update?.id !== undefined && federationKeys.round(update.at) === federationKeys.round(message)) return false;
  }
  // A site may see whether these exist, and not what they say of other sites.
  const closed = [federationKeys.seal(message), federationKeys.outcome(message.campaign)];
  const found = await Promise.all(closed.map((key) => isListed(federationStore, key)));
  return !found.includes(true);
}

/**
 * Records the permanent failure of a GPU task as its site's answer, so that the round does not wait for it. An update that
 * the site sends before the seal still counts.
 *
 * @param code stable code of the failure: an `ErrorCode`, if the failure has one
 */
export async function recordFailure(
  { federationStore, now, log }: Omit<StoreContext, 'federation'>,
  message: GpuTaskAddress,
  reason: string,
  code = 'TASK_FAILED',
): Promise<void> {
  const { campaign, stage, round, site } = message;
  const update = failedUpdate(message, reason, code, now());
  const key = federationKeys.update(message, site, FAILED_ID);
  await createJson(federationStore, key, updateSchema, update);
  log('task-failed', { campaign, stage, round, site, code, reason });
}

/** The update that stands for a failure. */
export const failedUpdate = (
  { campaign, stage, round, site }: GpuTaskAddress,
  reason: string,
  code: string,
  at: Date,
): Extract<Update, { status: 'failed' }> => ({
  schema: 'fedcardio.update/1',
  campaign,
  stage,
  round,
  site,
  at: at.toISOString(),
  status: 'failed',
  code,
  reason: boundedReason(reason),
});

/**
 * Answers a GPU task whose message only a newer release can read: the site has to upgrade, and the round does not wait.
 *
 * @param error the error of parsing the message; any other than `NEWER_SCHEMA` is thrown again
 */
export async function refuseNewerTask(
  context: Omit<StoreContext, 'federation'>,
  address: GpuTaskAddress,
  error: unknown,
): Promise<void> {
  if (!isFedcardioError(error, 'NEWER_SCHEMA')) throw error;
  if (!(await isGpuTaskDue(context, address))) return;
  await recordFailure(context, address, describeErrorOf(deploymentOf(address.site), error), error.code);
}

/** What has to be upgraded if a site is too old for what it reads. */
export const deploymentOf = (site: string): string => `the deployment of site ${site}`;
