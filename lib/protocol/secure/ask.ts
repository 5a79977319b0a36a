import { mapConcurrently } from '../../async.ts';
import { federationKeys, type StepAddress } from '../../federation/keys.ts';
import { askedSchema, type Step, stepMessageSchema } from '../../federation/schemas.ts';
import { names } from '../../federation/topology.ts';
import { isRecent } from '../../recent.ts';
import { documentBody, tryReadJson, writeDocument } from '../../storage/documents.ts';
import type { CoordinatorContext } from '../context.ts';

const SENDS_AT_ONCE = 16;

/** A question to sites. */
export interface Question {
  readonly at: StepAddress;
  readonly step: Step;
  /** SHA-256 of plan.json. */
  readonly plan: string;
  /** Sites that have not answered. */
  readonly sites: readonly string[];
  /** Age after which a question counts as lost. */
  readonly resendAfterSeconds: number;
}

/**
 * Asks sites for a short answer, unless they were asked for it a short time ago. A site whose queue cannot be reached does not
 * stop the others: it is asked again later. Throws if no site could be reached.
 */
export async function askSites(
  context: CoordinatorContext,
  { at, step, plan, sites, resendAfterSeconds }: Question,
): Promise<void> {
  const { federation, federationStore, queues, now, log } = context;
  const { campaign, stage, attempt, round } = at;
  const address = { campaign, stage, ...(attempt !== undefined && { attempt }), ...(round !== undefined && { round }) };
  const key = federationKeys.asked(address);
  const asked = (await tryReadJson(federationStore, key, askedSchema))?.value;
  const isAsked = asked && isRecent(new Date(asked.at), now(), resendAfterSeconds);
  if (sites.length === 0 || (isAsked && asked.step === step && asked.attempt === attempt)) return;
  const failures: unknown[] = [];
  await mapConcurrently(sites, SENDS_AT_ONCE, async (site) => {
    const message = { schema: 'fedcardio.step/1' as const, federation: federation.id, site, ...address, step, plan };
    try {
      await queues.send(names.gpuTaskQueue(federation.id, site), documentBody(stepMessageSchema, message));
    } catch (error) {
      failures.push(error);
      log('step-not-asked', { ...address, step, site, reason: String(error) });
    }
  });
  if (failures.length === sites.length) throw failures[0];
  await writeDocument(federationStore, key, askedSchema, {
    schema: 'fedcardio.asked/1',
    ...address,
    step,
    at: now().toISOString(),
    sites: [...sites],
  });
  log('step-asked', { ...address, step, sites });
}
