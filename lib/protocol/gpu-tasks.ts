import { mapConcurrently } from '../async.ts';
import { FAILED_ID, federationKeys, UPDATE_SUFFIX } from '../federation/keys.ts';
import { type GpuTaskMessage, type Open, type Update, updateSchema } from '../federation/schemas.ts';
import { names } from '../federation/topology.ts';
import { canonicalJson } from '../json.ts';
import { createJson } from '../storage/documents.ts';
import type { CoordinatorContext, StoreContext } from './ports.ts';

const SENDS_AT_ONCE = 16;

/** Sites that need not be sent a task; undefined for the first sending. */
export type Answered = ReadonlySet<string>;

/**
 * Sends a round's task, with the round's terms, to the participants that have not answered, and notes when. A site
 * whose queue cannot be reached does not hold up the others: it is logged, and tried again with the next resend.
 * Throws when no site could be reached.
 *
 * @param answered of a resend: who need not be sent it
 */
export async function sendGpuTasks(context: CoordinatorContext, open: Open, answered?: Answered): Promise<void> {
  const { federation, objects, queues, now, log } = context;
  const { participants, quorum, previous, schema, ...terms } = open;
  const at = { campaign: open.campaign, stage: open.stage, round: open.round };
  const sites = participants.map(({ site }) => site).filter((site) => !answered?.has(site));
  const failures: unknown[] = [];
  await mapConcurrently(sites, SENDS_AT_ONCE, async (site) => {
    const message: GpuTaskMessage = {
      schema: 'fedcardio.task/1',
      federation: federation.id,
      site,
      ...terms,
      resent: answered !== undefined,
    };
    try {
      await queues.send(names.gpuTaskQueue(federation.id, site), canonicalJson(message));
    } catch (error) {
      failures.push(error);
      log('task-not-sent', { ...at, site, reason: String(error) });
    }
  });
  if (failures.length > 0 && failures.length === sites.length) throw failures[0];
  const sent = { schema: 'fedcardio.sent/1', ...at, at: now().toISOString(), sites };
  await objects.put(names.federationBucket(federation.id), federationKeys.sent(at), canonicalJson(sent));
  log('tasks-sent', { ...at, sites });
}

/** How long nothing can have come before a task that was sent once, in seconds. */
const FRESH_SECONDS = 60;

/**
 * Whether a task was only just asked for, and for the first time: then it is due, and nobody need look. A message
 * that comes twice within that time starts a task in vain, at worst.
 */
export function isFresh({ at, resent }: Pick<GpuTaskMessage, 'at' | 'resent'>, now: Date): boolean {
  return !resent && now.getTime() - Date.parse(at) < FRESH_SECONDS * 1000;
}

/**
 * Whether a site's task still has to run: not when the site has answered or the round has closed. A message may come
 * late or again, and starting a GPU for nothing costs more than looking.
 */
export async function isGpuTaskDue(
  { objects }: Pick<StoreContext, 'objects'>,
  message: GpuTaskMessage,
): Promise<boolean> {
  const bucket = names.federationBucket(message.federation);
  for await (const { key } of objects.list(bucket, federationKeys.siteUpdates(message, message.site))) {
    if (key.endsWith(UPDATE_SUFFIX)) return false;
  }
  const closed = [federationKeys.seal(message), federationKeys.outcome(message.campaign)];
  const found = await Promise.all(closed.map((key) => objects.tryGet(bucket, key)));
  return found.every((object) => object === undefined);
}

/**
 * Answers a round in place of a task that failed for good, so that nobody waits for its site. An update that the
 * site sends after all still counts, if it comes before the seal.
 *
 * @param code stable code of the failure, from the error family where it has one
 */
export async function recordFailure(
  { objects, now, log }: Omit<StoreContext, 'federation'>,
  message: Pick<GpuTaskMessage, 'federation' | 'campaign' | 'stage' | 'round' | 'site'>,
  reason: string,
  code = 'TASK_FAILED',
): Promise<void> {
  const { campaign, stage, round, site } = message;
  const update: Update = {
    schema: 'fedcardio.update/1',
    campaign,
    stage,
    round,
    site,
    at: now().toISOString(),
    status: 'failed',
    code,
    reason,
  };
  const key = federationKeys.update(message, site, FAILED_ID);
  await createJson(objects, names.federationBucket(message.federation), key, updateSchema, update);
  log('task-failed', { campaign, stage, round, site, code, reason });
}
