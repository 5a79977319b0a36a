import { describeError, FedcardioError } from '../lib/error.ts';
import {
  type GpuTaskAddress,
  gpuTaskAddressSchema,
  gpuTaskMessageSchema,
  stepMessageSchema,
} from '../lib/federation/schemas.ts';
import { isSmokeTest } from '../lib/federation/smoke-test.ts';
import { parseMessage } from '../lib/json.ts';
import { type Asked, consentTo, noConsent } from '../lib/protocol/consent/at-site.ts';
import { obstacleOf } from '../lib/protocol/consent/terms.ts';
import { isFresh, isGpuTaskDue, recordFailure, refuseNewerTask } from '../lib/protocol/gpu-tasks.ts';
import { usefulUntil } from '../lib/protocol/late.ts';
import { deadlineOf, readPauses } from '../lib/protocol/pauses.ts';
import { answerStep } from '../lib/protocol/secure/answer-step.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import { forEachJsonMessage, type JsonMessage } from './sqs-records.ts';

/**
 * Starts the GPU task that a message requests, unless its round no longer waits for it, or gives the short answer that it asks for.
 * Does neither for a campaign that the site does not agree to. A message that only a newer release can read is answered: the
 * site must upgrade.
 */
export const dispatch: SqsHandler = (event, context) =>
  forEachJsonMessage(event, context, async (request, own) => {
    const { body, record } = request;
    const where = `message ${record.messageId}`;
    if (isStep(body)) {
      const step = parseMessage(body, stepMessageSchema, where);
      requireOwnFederation(step.federation, request, own);
      // The coordinator sees by the copy of the consent that no answer will come.
      const objection = await objectionOf(own, step, { isRepeated: true, plan: step.plan });
      return objection ? undefined : answerStep(own, step);
    }
    const address = parseMessage(body, gpuTaskAddressSchema, where);
    requireOwnFederation(address.federation, request, own);
    try {
      await launch(request, own);
    } catch (error) {
      await refuseNewerTask(own, address, error);
    }
  });

/** Whether a message asks for a short answer, for which no GPU task starts. */
const isStep = (body: unknown): boolean => {
  const schema = typeof body === 'object' && body !== null && 'schema' in body ? body.schema : undefined;
  return typeof schema === 'string' && schema.startsWith('fedcardio.step/');
};

function requireOwnFederation(federation: string, { record }: JsonMessage, own: HandlerContext): void {
  if (federation === own.federation.id) return;
  throw new FedcardioError(
    'BAD_MESSAGE',
    `Message ${record.messageId} is for federation "${federation}", but this is "${own.federation.id}".`,
    { hint: 'Check who may send to this queue.' },
  );
}

async function launch({ body, record }: JsonMessage, context: HandlerContext): Promise<void> {
  const { federationStore, launcher, now, log } = context;
  const message = parseMessage(body, gpuTaskMessageSchema, `message ${record.messageId}`);
  const isFirst = (record.attributes?.ApproximateReceiveCount ?? '1') === '1' && isFresh(message, now());
  if (!isFirst && !(await isGpuTaskDue(context, message))) return log('task-not-due', {});
  const objection = await objectionOf(context, message, { isRepeated: !isFirst });
  // While a person is asked, nothing is answered: the message is sent again once the person has decided.
  if (objection?.isAsked) return;
  if (objection) return recordFailure(context, message, describeError(objection.error), 'NO_CONSENT');
  if (isFirst) return launcher.submit(message, usefulUntil(message, new Date(message.deadline)));
  // A pause since the message was sent extends the round's deadline.
  const pauses = await readPauses(federationStore, message.campaign);
  await launcher.submit(message, usefulUntil(message, deadlineOf(message, pauses, now())));
}

interface Objection {
  /** Whether a person has still to answer. */
  readonly isAsked: boolean;
  readonly error: FedcardioError;
}

/** Why the site does nothing for a campaign now; undefined if it agrees. */
async function objectionOf(
  { federationStore, siteStore, now, log }: HandlerContext,
  { site, campaign }: Pick<GpuTaskAddress, 'site' | 'campaign'>,
  asked: Asked,
): Promise<Objection | undefined> {
  if (isSmokeTest(campaign)) return undefined;
  const consent = await consentTo({ site, store: siteStore(site), federationStore, now }, campaign, asked);
  const obstacle = obstacleOf(consent, now(), asked.plan);
  if (obstacle === undefined) return undefined;
  const isAsked = consent.state === 'asked';
  log(isAsked ? 'consent-asked' : 'consent-missing', { site, campaign, reason: obstacle });
  return { isAsked, error: noConsent(site, obstacle) };
}
