import { federationKeys, parseRoundKey, type RoundAddress } from '../../lib/federation/keys.ts';
import type { Commit, Control, Open, Outcome, Plan, Seal, Stage, Summary } from '../../lib/federation/schemas.ts';
import { sha256Hex } from '../../lib/json.ts';
import { requirementsOf, roundsOf } from '../../lib/protocol/plan.ts';
import { type History, jsonOf } from './history.ts';
import type { Invocation } from './invocation.ts';
import { plainMean } from './simulated-campaign.ts';
import { seenAnswers, type Verdict, verdictOf } from './verdict.ts';

/** What a rule may look at: everything that was written before, and who is writing. */
export interface Writing {
  readonly by: Invocation;
  readonly history: History;
  /** Whether each answer ever written may be merged, by its key, as its author knows. */
  readonly answers: ReadonlyMap<string, boolean>;
  readonly campaign: string;
}

/** What is wrong with a write, in words; the name of each rule is the claim that it makes. */
type Faults = readonly string[];
const faults = (claims: Readonly<Record<string, boolean>>): Faults =>
  Object.entries(claims).flatMap(([claim, holds]) => (holds ? [] : [claim]));

const ended = ({ by, history, campaign }: Writing): boolean =>
  history.at(federationKeys.outcome(campaign), by.startedAt) !== undefined;

/** Whether the campaign was paused before the writer started and has not been resumed since. */
function paused({ by, history, campaign }: Writing): boolean {
  const key = federationKeys.control(campaign);
  const known = history.since(key, by.startedAt);
  const isPaused = known.every((version) => jsonOf<Control>(version).pauses.at(-1)?.until === null);
  return history.at(key, by.startedAt) !== undefined && isPaused;
}

const planOf = ({ history, campaign }: Writing): Plan => jsonOf(history.at(federationKeys.plan(campaign))!);
const isCommitted = ({ history }: Writing, at: RoundAddress): boolean =>
  history.at(federationKeys.commit(at)) !== undefined;
const isCompleted = (writing: Writing, stage: Stage): boolean =>
  isCommitted(writing, { campaign: writing.campaign, stage: stage.name, round: roundsOf(stage) });

/** Sites that the writer must take for able: members that had counted their cases when it started. */
const surelyAble = ({ by, history }: Writing): readonly string[] =>
  by.context.federation.sites.flatMap(({ id }) => (history.at(federationKeys.summary(id), by.startedAt) ? [id] : []));

/** The terms of a round: opened in its time, for those who can take part. */
export function openFaults(writing: Writing, at: RoundAddress, open: Open): Faults {
  const { by, history, campaign } = writing;
  const stages = planOf(writing).campaign.stages;
  const stage = stages.find(({ name }) => name === at.stage)!;
  const needed = stages.filter(({ name }) => requirementsOf(stage).includes(name));
  const sites = open.participants.map(({ site }) => site);
  const members = by.context.federation.sites.map(({ id }) => id);
  const wasCounted = ({ site, samples }: Open['participants'][number]) =>
    history
      .since(federationKeys.summary(site), by.startedAt)
      .some((one) => jsonOf<Summary>(one).cases.training === samples);
  return faults({
    'a round opens in a campaign that has not ended': !ended(writing),
    'no round opens while its campaign is paused': !paused(writing),
    'a round opens when the round before it is committed':
      at.round === 1 || isCommitted(writing, { campaign, stage: at.stage, round: at.round - 1 }),
    'a round opens when the stages that it needs have completed': needed.every((one) => isCompleted(writing, one)),
    'participants are members': sites.every((site) => members.includes(site)),
    'every able member takes part': surelyAble(writing).every((site) => sites.includes(site)),
    'participants have as many cases as they have counted': open.participants.every(wasCounted),
  });
}

/** What the writer must make of a round by its last look; one verdict for each state of the pauses that it may know. */
function verdicts({ by, history, answers, campaign }: Writing, at: RoundAddress): readonly Verdict[] {
  const look = by.looks.get(federationKeys.round(at));
  const opened = history.at(federationKeys.open(at));
  if (!look || !opened) return [];
  const seen = seenAnswers(look.objects, (key) => answers.get(key) === true);
  const control = history.since(federationKeys.control(campaign), look.moment);
  const pauses = control.map((version) => jsonOf<Control>(version).pauses);
  if (!history.at(federationKeys.control(campaign), look.moment)) pauses.push([]);
  return pauses.map((known) => verdictOf(jsonOf<Open>(opened), seen, known, by.context.now()));
}

/** What a round merges: decided as it must be by what its maker saw. */
export function sealFaults(writing: Writing, at: RoundAddress, seal: Seal): Faults {
  const { history } = writing;
  const justified = verdicts(writing, at).find((verdict) => verdict.kind === 'seal');
  if (!justified) return ['a round is sealed when it has quorum or its time is over'];
  const merged = seal.updates.map(({ site, key }) => [site, key]);
  const isQuoted = ({ key, sha256, samples, weights }: Seal['updates'][number]) => {
    const { body } = history.at(key)!;
    const update = JSON.parse(body.toString());
    return sha256 === sha256Hex(body) && samples === update.samples && weights?.sha256 === update.weights?.sha256;
  };
  const failed = seal.failed.map(({ site }) => site);
  return faults({
    'a campaign that has ended seals nothing': !ended(writing),
    'a seal names the terms of its round': seal.open === sha256Hex(history.at(federationKeys.open(at))!.body),
    'of every participant one usable update that was seen is sealed, and nothing else': same(merged, justified.merged),
    'a seal quotes its updates as they are': seal.updates.every(isQuoted),
    'a seal names the participants whose answers are not merged': same(failed, justified.failed),
  });
}

/** A round's result: what its seal says, merged to the byte. */
export function commitFaults(writing: Writing, at: RoundAddress, commit: Commit): Faults {
  const { history } = writing;
  const sealed = history.at(federationKeys.seal(at));
  if (!sealed) return ['a round is sealed before it is committed'];
  const { updates } = jsonOf<Seal>(sealed);
  const inputs = updates.flatMap(({ samples, weights }) =>
    weights ? [{ samples, file: history.at(weights.key)!.body }] : [],
  );
  const model = commit.global && history.at(commit.global.key)?.body;
  const samples = updates.reduce((sum, update) => sum + update.samples, 0);
  return faults({
    'a campaign that has ended commits nothing': !ended(writing),
    'a commit names its seal': commit.seal === sha256Hex(sealed.body),
    'a commit names the sites of its seal': same(
      commit.sites,
      updates.map(({ site }) => site),
    ),
    'a commit counts the samples of its seal': commit.samples === samples,
    'the model is there before its commit is': model !== undefined,
    'the model is the plain mean of the sealed updates':
      inputs.length === 0 ? model === null : model !== null && model?.equals(plainMean(inputs)) === true,
  });
}

/** The end of a campaign: only where there is a reason for it. */
export function outcomeFaults(writing: Writing, { status }: Outcome): Faults {
  const { by } = writing;
  if (status === 'cancelled') return faults({ 'only who is asked to cancels': by.name === 'cancel' });
  const { stages } = planOf(writing).campaign;
  if (status === 'completed') {
    return faults({ 'a campaign completes with its stages': stages.every((stage) => isCompleted(writing, stage)) });
  }
  const rounds = [...by.looks.keys()].flatMap((prefix) => parseRoundKey(`${prefix}open.json`)?.at ?? []);
  const hasFailed = (at: RoundAddress) => verdicts(writing, at).some(({ kind }) => kind === 'fail');
  const hasTooFew = stages.some(({ quorum }) => surelyAble(writing).length < quorum.minSites);
  return faults({ 'a campaign fails when a round fails or cannot open': hasTooFew || rounds.some(hasFailed) });
}

/** A mark beside an update: not on one that may be merged. */
export function refusalFaults(
  { history, answers }: Writing,
  at: RoundAddress,
  refusal: { readonly site: string; readonly update: string },
): Faults {
  const isAsked = jsonOf<Open>(history.at(federationKeys.open(at))!).participants.some(
    ({ site }) => site === refusal.site,
  );
  return faults({ 'only what cannot be merged is refused': !(isAsked && answers.get(refusal.update)) });
}

/** A task message: of an open round, to a participant, not while the campaign is paused. */
export function gpuTaskFaults(writing: Writing, at: RoundAddress, site: string): Faults {
  const open = writing.history.at(federationKeys.open(at));
  const participants = open ? jsonOf<Open>(open).participants : [];
  return faults({
    'tasks go to participants of open rounds': participants.some((participant) => participant.site === site),
    'no task is sent while its campaign is paused': !paused(writing),
    'no task is sent in a campaign that has ended': !ended(writing),
  });
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
