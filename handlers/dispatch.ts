import { describeError, FedcardioError } from '../lib/error.ts';
import { type GpuTaskMessage, gpuTaskAddressSchema, gpuTaskMessageSchema } from '../lib/federation/schemas.ts';
import { isSmokeTest } from '../lib/federation/smoke-test.ts';
import { parseMessage } from '../lib/json.ts';
import { consentTo, noConsent } from '../lib/protocol/consent/at-site.ts';
import { obstacleOf } from '../lib/protocol/consent/terms.ts';
import { isFresh, isGpuTaskDue, recordFailure, refuseNewerTask } from '../lib/protocol/gpu-tasks.ts';
import { usefulUntil } from '../lib/protocol/late.ts';
import { deadlineOf, readPauses } from '../lib/protocol/pauses.ts';
import type { HandlerContext, SqsHandler } from './context.ts';
import { forEachJsonMessage, type JsonMessage } from './sqs-records.ts';

/**
 * Starts the GPU task that a message requests, unless its round no longer waits for it, or the site does not agree to the campaign. A message that only a newer
 * release can read is answered: the site must upgrade.
 */
export const dispatch: SqsHandler = (event, context) =>
  forEachJsonMessage(event, context, async (request, own) => {
    const { body, record } = request;
    const address = parseMessage(body, gpuTaskAddressSchema, `message ${record.messageId}`);
    if (address.federation !== own.federation.id) {
      throw new FedcardioError(
        'BAD_MESSAGE',
        `Message ${record.messageId} is for federation "${address.federation}", but this is "${own.federation.id}".`,
        { hint: 'Check who may send to this queue.' },
      );
    }
    try {
      await launch(request, own);
    } catch (error) {
      await refuseNewerTask(own, address, error);
    }
  });

async function launch({ body, record }: JsonMessage, context: HandlerContext): Promise<void> {
  const { federationStore, launcher, now, log } = context;
  const message = parseMessage(body, gpuTaskMessageSchema, `message ${record.messageId}`);
  const isFirst = (record.attributes?.ApproximateReceiveCount ?? '1') === '1' && isFresh(message, now());
  if (!isFirst && !(await isGpuTaskDue(context, message))) return log('task-not-due', {});
  if (!(await isAgreed(context, message, !isFirst))) return;
  if (isFirst) return launcher.submit(message, usefulUntil(message, new Date(message.deadline)));
  // A pause since the message was sent extends the round's deadline.
  const pauses = await readPauses(federationStore, message.campaign);
  await launcher.submit(message, usefulUntil(message, deadlineOf(message, pauses, now())));
}

/**
 * Whether the site agrees to the campaign. A site that does not answers the round, so that it need not wait. While a person is
 * asked, nothing is answered: the message is sent again once the person has decided.
 */
async function isAgreed(context: HandlerContext, message: GpuTaskMessage, isRepeated: boolean): Promise<boolean> {
  const { site, campaign } = message;
  if (isSmokeTest(campaign)) return true;
  const { federationStore, siteStore, now, log } = context;
  const own = { site, store: siteStore(site), federationStore, now };
  const consent = await consentTo(own, campaign, isRepeated);
  const obstacle = obstacleOf(consent, now());
  if (obstacle === undefined) return true;
  if (consent.state === 'asked') log('consent-asked', { site, campaign });
  else await recordFailure(context, message, describeError(noConsent(site, obstacle)), 'NO_CONSENT');
  return false;
}
