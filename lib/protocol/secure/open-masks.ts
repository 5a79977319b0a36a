import { FedcardioError } from '../../error.ts';
import { federationKeys, type RoundAddress } from '../../federation/keys.ts';
import {
  endorsedSchema,
  endorsementSchema,
  type Open,
  openedSchema,
  openSchema,
  type Plan,
  revealSchema,
  type Seal,
  type Survivors,
  sealSchema,
  siteSharesSchema,
  survivorsSchema,
} from '../../federation/schemas.ts';
import { checkedKeyShares } from '../../privacy/key-messages.ts';
import { dropOuts, recoverMasks } from '../../privacy/recovery.ts';
import { checkedReveal, isEndorsement, listDigest } from '../../privacy/unmasking.ts';
import { checkedUpdate } from '../../privacy/update-message.ts';
import { createJson, type Document, readJson, tryReadJson } from '../../storage/documents.ts';
import type { CoordinatorContext } from '../context.ts';
import { endCampaign } from '../outcome.ts';
import { listReasons } from '../reasons.ts';
import { sealedUpdates } from '../sealed-updates.ts';
import { lackOf, readStepAnswers, type StepAnswers } from './answers.ts';
import { askSites } from './ask.ts';
import type { OpenCohort } from './cohort.ts';
import { mutable } from './mutable.ts';
import { cohortOf } from './round.ts';
import { extended, requireSender } from './setup.ts';
import { readOpened } from './survivors.ts';
import { waitOf } from './wait.ts';

/**
 * Brings a sealed round to the point where its masks can be removed: the sites endorse the list of updates, and when enough have
 * done so, open their shares. Idempotent. If too few answer in time, the round is lost, not its secrets, and the campaign ends.
 *
 * @throws FedcardioError `NEWER_SCHEMA` or `STORAGE` if the round would be lost without what an upgrade or a right may make
 *   readable
 */
export async function openMasks(
  context: CoordinatorContext,
  plan: Document<Plan>,
  at: RoundAddress,
  resendAfterSeconds: number,
): Promise<void> {
  const { federationStore } = context;
  if (await readOpened(federationStore, at)) return;
  const open = await readJson(federationStore, federationKeys.open(at), openSchema);
  if (!open.value.secure) return;
  const seal = await readJson(federationStore, federationKeys.seal(at), sealSchema);
  // Whoever sealed the round writes it, and the event of that leads here again.
  const survivors = await tryReadJson(federationStore, federationKeys.survivors(at), survivorsSchema);
  if (!survivors) return;
  const cohort = await cohortOf(federationStore, open.value);
  const round: SealedRound = { at, open: open.value, seal: seal.value, survivors, cohort, plan, resendAfterSeconds };
  const endorsed =
    (await tryReadJson(federationStore, federationKeys.endorsed(at), endorsedSchema)) ??
    (await createEndorsed(context, round));
  if (endorsed) await createOpened(context, round, endorsed.value);
}

interface SealedRound {
  readonly at: RoundAddress;
  readonly open: Open;
  readonly seal: Seal;
  readonly survivors: Document<Survivors>;
  readonly cohort: OpenCohort;
  readonly plan: Document<Plan>;
  readonly resendAfterSeconds: number;
}

type Endorsed = Awaited<ReturnType<typeof readEndorsed>>;
const readEndorsed = async (context: CoordinatorContext, at: RoundAddress) =>
  (await readJson(context.federationStore, federationKeys.endorsed(at), endorsedSchema)).value;

async function createEndorsed(context: CoordinatorContext, round: SealedRound) {
  const { federationStore, log } = context;
  const { at, open, seal, survivors, cohort } = round;
  const { cohort: terms, identities } = cohort;
  const digest = listDigest(survivors.value.list);
  const answers = await readStepAnswers(
    federationStore,
    at,
    'endorse',
    terms.sites,
    endorsementSchema,
    (answer, site) => {
      requireSender(answer.endorsement.content.site, site);
      if (isEndorsement(answer.endorsement, digest, identities)) return answer.endorsement;
      throw new FedcardioError('BAD_MESSAGE', 'It has not endorsed this list.');
    },
  );
  if (answers.usable.length < terms.threshold) {
    await waitOrFail(context, round, 'endorse', survivors.value, answers);
    return undefined;
  }
  // Since the seal, a site may have replaced what it had sent.
  const found = await sealedUpdates(federationStore, seal.updates);
  const denied = found.find(({ unreadable }) => unreadable && !unreadable.permanent)?.unreadable;
  // A right may make it readable: nothing is decided before.
  if (denied) throw denied.error;
  const updates = found.flatMap(({ update }) => (update?.status === 'ok' && update.secure ? [update.secure] : []));
  const replaced = seal.updates
    .filter((_, i) => !found[i]?.update)
    .map(({ site }) => `${site}: It has replaced its update.`);
  const setup = { campaign: at.campaign, stage: at.stage, attempt: terms.attempt };
  const absent = dropOuts({ cohort: terms, round: at.round }, survivors.value.list);
  const keyShares = await readStepAnswers(
    federationStore,
    setup,
    'shares',
    absent,
    siteSharesSchema,
    (answer, site) => {
      requireSender(answer.shares.content.site, site);
      checkedKeyShares(terms, answer.shares, identities);
      return answer.shares;
    },
  );
  // An upgrade or a right may make them readable: nothing is decided before.
  if (keyShares.unread) throw keyShares.unread;
  const lack = [...replaced, ...lackOf(keyShares)];
  if (lack.length > 0) {
    await endCampaign(context, at.campaign, 'failed', lostRound(at, 'What opens its masks is missing', lack));
    return undefined;
  }
  const created = await createJson(federationStore, federationKeys.endorsed(at), endorsedSchema, {
    schema: 'fedcardio.endorsed/1',
    ...at,
    ...waitOf(context, open.config),
    endorsements: answers.usable.map(({ value }) => value),
    updates,
    keyShares: keyShares.usable.map(({ value }) => value),
  });
  if (created.created) log('survivors-endorsed', { ...at, sites: answers.usable.map(({ site }) => site) });
  return created;
}

async function createOpened(context: CoordinatorContext, round: SealedRound, endorsed: Endorsed): Promise<void> {
  const { federationStore, now, log } = context;
  const { at, survivors, cohort } = round;
  const { cohort: terms, identities, directory } = cohort;
  const { list } = survivors.value;
  const secure = { cohort: terms, round: at.round };
  const answers = await readStepAnswers(federationStore, at, 'reveal', terms.sites, revealSchema, (answer, site) => {
    requireSender(answer.reveal.content.site, site);
    return checkedReveal(list, answer.reveal, identities);
  });
  const { secrets, missing, faults } = recoverMasks(secure, directory, {
    list,
    updates: endorsed.updates.map((update) => checkedUpdate(secure, update, identities)),
    keyShares: endorsed.keyShares.map((shares) => checkedKeyShares(terms, shares, identities)),
    reveals: answers.usable.map(({ value }) => value),
  });
  if (!secrets) {
    // When enough have opened what they could, a secret is missing because its own site has sealed the shares wrongly.
    const unfit = answers.usable.length < terms.threshold ? [] : missing;
    const faulty = [
      ...answers.faulty,
      ...faults,
      ...unfit
        .filter((site) => !faults.some((fault) => fault.site === site))
        .map((site) => ({ site, reason: 'Too few of its shares fit what it has committed to.' })),
    ];
    await waitOrFail(context, round, 'reveal', endorsed, { ...answers, faulty });
    return;
  }
  const sites = answers.usable.map(({ site }) => site);
  const created = await createJson(federationStore, federationKeys.opened(at), openedSchema, {
    schema: 'fedcardio.opened/1',
    ...at,
    at: now().toISOString(),
    survivors: survivors.sha256,
    sites,
    ...mutable(secrets),
  });
  if (created.created) log('masks-opened', { ...at, sites, faults });
}

const lostRound = ({ stage, round }: RoundAddress, why: string, lack: readonly string[]): string =>
  `Round ${round} of ${stage} is lost: ${why}. Its updates stay masked. ${listReasons(lack)}`;

/** Asks the sites that have not answered, or ends the campaign if the time is over or nobody is left to ask. */
async function waitOrFail(
  context: CoordinatorContext,
  { at, cohort, plan, resendAfterSeconds }: SealedRound,
  step: 'endorse' | 'reveal',
  wait: { readonly at: string; readonly deadline: string },
  answers: StepAnswers<unknown>,
): Promise<void> {
  const isOver = context.now() >= (await extended(context, at, wait));
  if (answers.missing.length > 0 && !isOver) {
    await askSites(context, { at, step, plan: plan.sha256, sites: answers.missing, resendAfterSeconds });
    return;
  }
  // An upgrade or a right may make it readable: nothing is decided before.
  if (answers.unread) throw answers.unread;
  const { threshold, sites } = cohort.cohort;
  const what = step === 'endorse' ? 'endorsed the list of updates' : 'opened their shares';
  const why = `${answers.usable.length} of ${sites.length} sites have ${what}, ${threshold} needed`;
  await endCampaign(context, at.campaign, 'failed', lostRound(at, why, lackOf(answers)));
}
