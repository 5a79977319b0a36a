import { federationKeys, parseRoundKey, parseUpdateKey, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Commit, Control, Open, Outcome, Plan, Seal, Stage, Summary } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { requirementsOf, roundsOf } from '../../lib/protocol/plan.ts';
import { countedAnswers, type Decision, expectedDecision, seenAnswers } from './expected-decision.ts';
import { expectedValidation } from './expected-validation.ts';
import { type History, jsonOf, type Version } from './history.ts';
import type { Invocation } from './invocation.ts';
import { LATE_FACTOR, plainMean } from './simulated-campaign.ts';

/** Input of a rule: all earlier writes and the invocation that writes. */
export interface WriteContext {
  readonly by: Invocation;
  readonly history: History;
  /** Whether each answer may be merged, by key, as announced by its author. */
  readonly answers: ReadonlyMap<string, boolean>;
  readonly campaign: string;
}

/** Rules that a write violates. A rule's name is the claim that it makes. */
type Violations = readonly string[];
const violations = (claims: Readonly<Record<string, boolean>>): Violations =>
  Object.entries(claims).flatMap(([claim, holds]) => (holds ? [] : [claim]));

const ended = ({ by, history, campaign }: WriteContext): boolean =>
  history.at(federationKeys.outcome(campaign), by.startedAt) !== undefined;

/** Whether the campaign was paused before the writer started and has stayed paused. */
function paused({ by, history, campaign }: WriteContext): boolean {
  const key = federationKeys.control(campaign);
  const known = history.since(key, by.startedAt);
  const isPaused = known.every((version) => jsonOf<Control>(version).pauses.at(-1)?.until === null);
  return history.at(key, by.startedAt) !== undefined && isPaused;
}

const planOf = ({ history, campaign }: WriteContext): Plan => jsonOf(history.at(federationKeys.plan(campaign))!);
const isCommitted = ({ history }: WriteContext, at: RoundAddress): boolean =>
  history.at(federationKeys.commit(at)) !== undefined;
const isCompleted = (write: WriteContext, stage: Stage): boolean =>
  isCommitted(write, { campaign: write.campaign, stage: stage.name, round: roundsOf(stage) });

/** The last round of a stage that was opened before this one. */
function previousRound({ history }: WriteContext, at: RoundAddress): number {
  for (let round = at.round - 1; round > 1; round--) {
    if (history.at(federationKeys.open({ ...at, round }))) return round;
  }
  return 1;
}

/** Most cases that a site may claim. */
const MOST_CASES = 1e9;

/** Cases that a site has counted; undefined if its summary is none. */
function countIn(site: string, { body }: Version): number | undefined {
  try {
    const summary = JSON.parse(body.toString()) as Summary | null;
    const count = summary?.cases.training;
    const isSound = summary?.site === site && Number.isSafeInteger(count) && (count as number) > 0;
    return isSound && (count as number) <= MOST_CASES ? count : undefined;
  } catch {
    return undefined;
  }
}

/** Sites that the writer must consider eligible: members that had counted their cases when it started, and still have. */
const surelyEligible = ({ by, history }: WriteContext): readonly string[] =>
  by.context.federation.sites.flatMap(({ id }) => {
    const key = federationKeys.summary(id);
    const isCounted = history.since(key, by.startedAt).every((one) => countIn(id, one) !== undefined);
    return history.at(key, by.startedAt) && isCounted ? [id] : [];
  });

/** Checks when a round is opened and who participates. */
export function openViolations(write: WriteContext, at: RoundAddress, open: Open): Violations {
  const { by, history } = write;
  const stages = planOf(write).campaign.stages;
  const stage = stages.find(({ name }) => name === at.stage)!;
  const needed = stages.filter(({ name }) => requirementsOf(stage).includes(name));
  const sites = open.participants.map(({ site }) => site);
  const members = by.context.federation.sites.map(({ id }) => id);
  const wasCounted = ({ site, samples }: Open['participants'][number]) =>
    history.since(federationKeys.summary(site), by.startedAt).some((one) => countIn(site, one) === samples);
  return violations({
    'a round opens in a campaign that has not ended': !ended(write),
    'no round opens while its campaign is paused': !paused(write),
    'a round opens when the round before it is committed':
      at.round === 1 || isCommitted(write, { ...at, round: previousRound(write, at) }),
    'a stage goes on unless validation stops it, and then ends':
      at.round === 1 ||
      at.round ===
        (expectedValidation(history, at, previousRound(write, at)).stops
          ? roundsOf(stage)
          : previousRound(write, at) + 1),
    'a round opens when the stages that it needs have completed': needed.every((one) => isCompleted(write, one)),
    'participants are members': sites.every((site) => members.includes(site)),
    'every eligible member participates': surelyEligible(write).every((site) => sites.includes(site)),
    'participants have the number of cases that they have counted': open.participants.every(wasCounted),
  });
}

/** Decisions that the writer may make from its latest listing, one for each version of the pauses that it may have read. */
function possibleDecisions({ by, history, answers, campaign }: WriteContext, at: RoundAddress): readonly Decision[] {
  const opened = history.at(federationKeys.open(at));
  if (!opened) return [];
  const open = jsonOf<Open>(opened);
  const listings = open.participants.flatMap(({ site }) => by.listings.get(federationKeys.siteUpdates(at, site)) ?? []);
  if (listings.length < open.participants.length) return [];
  const revision = Math.min(...listings.map((listing) => listing.revision));
  const answered = seenAnswers(
    listings.flatMap(({ objects }) => objects),
    (key) => answers.get(key) === true,
  );
  const control = history.since(federationKeys.control(campaign), revision);
  const pauses = control.map((version) => jsonOf<Control>(version).pauses);
  if (!history.at(federationKeys.control(campaign), revision)) pauses.push([]);
  return pauses.map((known) => expectedDecision(open, answered, known, by.context.now()));
}

/** Site and key of the late updates that the writer must merge: the first usable ones of sites that the round before left out. */
function expectedLate(write: WriteContext, at: RoundAddress): readonly (readonly [string, string])[] {
  const { by, history, answers } = write;
  const stage = planOf(write).campaign.stages.find(({ name }) => name === at.stage);
  const counts = stage && 'aggregation' in stage && 'lateFactor' in stage.aggregation && stage.aggregation.lateFactor;
  if (!counts || at.round === 1) return [];
  const before = { ...at, round: at.round - 1 };
  const { sites: merged } = jsonOf<Commit>(history.at(federationKeys.commit(before))!);
  return jsonOf<Open>(history.at(federationKeys.open(before))!).participants.flatMap(({ site }) => {
    if (merged.includes(site)) return [];
    const { objects = [] } = by.listings.get(federationKeys.siteUpdates(before, site)) ?? {};
    const counted = countedAnswers(
      seenAnswers(objects, (key) => answers.get(key) === true),
      site,
    );
    return counted
      .filter(({ isUsable }) => isUsable)
      .slice(0, 1)
      .map(({ key }) => [site, key] as const);
  });
}

/** Checks a seal against the answers that its writer had listed. */
export function sealViolations(write: WriteContext, at: RoundAddress, seal: Seal): Violations {
  const { history } = write;
  const justified = possibleDecisions(write, at).find((decision) => decision.kind === 'seal');
  if (!justified) return ['a round is sealed when it has quorum or its deadline is over'];
  const merged = seal.updates.map(({ site, key }) => [site, key]);
  const isQuoted = ({ key, sha256, samples, weights }: Seal['updates'][number]) => {
    const { body } = history.at(key)!;
    const update = JSON.parse(body.toString());
    return sha256 === sha256Hex(body) && samples === update.samples && weights?.sha256 === update.weights?.sha256;
  };
  const failed = seal.failed.map(({ site }) => site);
  return violations({
    'a campaign that has ended seals nothing': !ended(write),
    'a seal names the terms of its round': seal.open === sha256Hex(history.at(federationKeys.open(at))!.body),
    'a seal holds exactly the first usable update of each participant that its writer had listed': same(
      merged,
      justified.merged,
    ),
    'a seal holds exactly the late updates of the round before that its writer had listed': same(
      (seal.late ?? []).map(({ site, key }) => [site, key]),
      expectedLate(write, at),
    ),
    'a seal repeats hash and samples of its updates': [...seal.updates, ...(seal.late ?? [])].every(isQuoted),
    'a seal names the participants whose answers are not merged': same(failed, justified.failed),
  });
}

/** The sealed bytes of a file. Its site may have replaced them since. */
const sealedVersion = (history: History, { key, sha256 }: { readonly key: string; readonly sha256: string }): Buffer =>
  history.versions(key).find(({ body }) => sha256Hex(body) === sha256)!.body;

/** Checks a commit and, byte for byte, its model against the seal. */
export function commitViolations(write: WriteContext, at: RoundAddress, commit: Commit): Violations {
  const { history } = write;
  const sealed = history.at(federationKeys.seal(at));
  if (!sealed) return ['a round is sealed before it is committed'];
  const { updates, late = [] } = jsonOf<Seal>(sealed);
  const merged = [...updates, ...late.map((update) => ({ ...update, samples: LATE_FACTOR * update.samples }))];
  const inputs = merged.flatMap(({ samples, weights }) =>
    weights ? [{ samples, file: sealedVersion(history, weights) }] : [],
  );
  const model = commit.global && history.at(commit.global.key)?.body;
  const samples = updates.reduce((sum, update) => sum + update.samples, 0);
  const stage = planOf(write).campaign.stages.find(({ name }) => name === at.stage)!;
  const isLast = 'validate' in stage && stage.validate !== undefined && at.round === roundsOf(stage);
  const expected = expectedValidation(history, at, at.round);
  const best = { ...at, round: expected.best?.round ?? previousRound(write, at) };
  const kept = isLast ? jsonOf<Commit>(history.at(federationKeys.commit(best))!) : undefined;
  return violations({
    'a campaign that has ended commits nothing': !ended(write),
    'a commit names its seal': commit.seal === sha256Hex(sealed.body),
    'a commit names the sites of its seal': same(
      commit.sites,
      updates.map(({ site }) => site),
    ),
    'a commit counts the samples of its seal': commit.samples === samples,
    'the model is stored before its commit': model !== undefined,
    'the model is the plain mean of the sealed updates':
      isLast || (inputs.length === 0 ? model === null : model !== null && model?.equals(plainMean(inputs)) === true),
    'a commit has the validation of all seals of its stage':
      same(commit.validation?.best?.round, expected.best?.round) &&
      same(commit.validation?.best?.loss, expected.best?.loss) &&
      (commit.validation?.stops ?? false) === (expected.stops && !isLast),
    'the last round of a stage that validates publishes the best model': !isLast || same(commit.global, kept?.global),
  });
}

/** Checks that a campaign has a reason to end. */
export function outcomeViolations(write: WriteContext, { status }: Outcome): Violations {
  const { by } = write;
  if (status === 'cancelled') return violations({ 'only the cancel command cancels': by.name === 'cancel' });
  const { stages } = planOf(write).campaign;
  if (status === 'completed') {
    return violations({ 'a campaign completes with its stages': stages.every((stage) => isCompleted(write, stage)) });
  }
  const rounds = [...by.listings.keys()].flatMap((prefix) => parseRoundKey(`${prefix}open.json`)?.at ?? []);
  const hasFailed = (at: RoundAddress) => possibleDecisions(write, at).some(({ kind }) => kind === 'fail');
  const hasTooFew = stages.some(({ quorum }) => surelyEligible(write).length < quorum.minSites);
  return violations({ 'a campaign fails when a round fails or cannot open': hasTooFew || rounds.some(hasFailed) });
}

/** Checks that junk costs no reads: of a site's answers to an open round, only those that count are read. */
export function readViolations({ by, history }: WriteContext, key: string): Violations {
  const update = parseUpdateKey(key);
  const listing = update && by.listings.get(federationKeys.siteUpdates(update.at, update.site));
  if (!listing) return [];
  const answerOf = (one: string) => one.replace(/\.(update\.json|refusal\.json|safetensors)$/, '');
  // What another caller has sealed since the listing: in its own round, or late in the next one.
  const sealOf = (round: number): Pick<Seal, 'updates' | 'late'> => {
    const sealed = history.at(federationKeys.seal({ ...update.at, round }));
    return sealed === undefined ? { updates: [] } : jsonOf<Seal>(sealed);
  };
  const { round } = update.at;
  const isSealed = [...sealOf(round).updates, ...(sealOf(round + 1).late ?? [])].some(
    (one) => answerOf(one.key) === answerOf(key),
  );
  const counted = countedAnswers(
    seenAnswers(listing.objects, () => true),
    update.site,
  );
  return violations({
    'of a site, only the first 8 answers are read':
      isSealed || counted.some((one) => answerOf(one.key) === answerOf(key)),
  });
}

/** Checks that a refused update cannot be merged. */
export function refusalViolations(
  { history, answers }: WriteContext,
  at: RoundAddress,
  refusal: { readonly site: string; readonly update: string },
): Violations {
  const isAsked = jsonOf<Open>(history.at(federationKeys.open(at))!).participants.some(
    ({ site }) => site === refusal.site,
  );
  return violations({ 'only updates that cannot be merged are refused': !(isAsked && answers.get(refusal.update)) });
}

/** Checks a GPU task message. */
export function gpuTaskViolations(write: WriteContext, at: RoundAddress, site: string): Violations {
  const open = write.history.at(federationKeys.open(at));
  const participants = open ? jsonOf<Open>(open).participants : [];
  return violations({
    'GPU tasks go to participants of open rounds': participants.some((participant) => participant.site === site),
    'no GPU task is sent while its campaign is paused': !paused(write),
    'no GPU task is sent in a campaign that has ended': !ended(write),
  });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
