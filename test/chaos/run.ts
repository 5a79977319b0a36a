import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { federationKeys, siteKeys } from '../../lib/federation/keys.ts';
import { agreeToAll } from '../../lib/protocol/consent/at-site.ts';
import { startPlatform } from '../../local/platform.ts';
import { type Deeds, startAdversary } from './adversary.ts';
import { buildReleases, type Releases } from './build.ts';
import { derivedOf, type Expectation, violations } from './checks.ts';
import { until } from './child.ts';
import {
  type Evidence,
  messagesLeft,
  outcomeIn,
  queuesAt,
  readEvidence,
  storesAt,
  type WorldStores,
} from './evidence.ts';
import { CAMPAIGN, CASES, FEDERATION, HOSPITALS, MASKED_CAMPAIGN, SITES, volumeOf } from './federation.ts';
import { type Plan, planOf } from './plan.ts';
import { volume } from './volumes.ts';
import { startWorld, type World } from './world.ts';

/** What a campaign with an adversary ended with. */
export interface ChaosResult {
  readonly seed: number;
  readonly seconds: number;
  readonly status: string;
  readonly reason?: string;
  /** Number of acts that were carried out, and of those planned. */
  readonly acts: readonly [number, number];
  readonly deadLetters: number;
  readonly violations: readonly string[];
}

/** What all campaigns share: programs, and a federation that was deployed. */
export interface Bench {
  run(seed: number, say?: (line: string) => void): Promise<ChaosResult>;
  close(): void;
}

const UPLOAD_MS = 120_000;
const CAMPAIGN_MS = 240_000;
const SETTLE_MS = 60_000;

/** Prepares campaigns. The first of its kind is preceded by one without an adversary. */
export async function openBench(say: (line: string) => void = () => undefined): Promise<Bench> {
  const directory = mkdtempSync(join(tmpdir(), 'fedcardio-chaos-'));
  const close = () => rmSync(directory, { recursive: true, force: true });
  try {
    const releases = await buildReleases();
    const template = join(directory, 'template');
    await deploy(template);
    const runQuietly = async (masked: boolean): Promise<Quiet> => {
      const plan: Plan = { ...planOf(0), masked, clocks: noSkew, acts: [] };
      const { evidence, seconds } = await runCampaign(
        join(directory, `quiet-${masked}`),
        template,
        releases,
        plan,
        say,
      );
      const { commits, outcome, objects } = evidence;
      const quiet = { commits, derived: derivedOf(objects) };
      const found = violations(evidence, { ...quiet, damaged: [], poison: [], otherCampaigns: {} });
      if (found.length > 0 || outcome.status !== 'completed') {
        throw new Error(`The campaign fails without an adversary:\n${found.join('\n')}\n${outcome.reason}`);
      }
      const models = commits.map(({ round, model }) => `${round} ${model?.slice(0, 8) ?? '–'}`);
      say(`quiet${masked ? ', with secure aggregation' : ''}: ${Math.round(seconds)} s, ${models.join(', ')}`);
      return quiet;
    };
    const quietRuns = new Map<boolean, Quiet>();
    const quietOf = async (masked: boolean): Promise<Quiet> => {
      const quiet = quietRuns.get(masked) ?? (await runQuietly(masked));
      quietRuns.set(masked, quiet);
      return quiet;
    };
    return {
      close,
      async run(seed, onAct = () => undefined) {
        const plan = planOf(seed);
        const expected = await quietOf(plan.masked);
        const acts = ({ acts }: Deeds) => [acts.size, plan.acts.length] as const;
        try {
          const place = join(directory, `seed-${seed}`);
          const { evidence, deeds, seconds } = await runCampaign(place, template, releases, plan, onAct);
          const { status, reason } = evidence.outcome;
          return {
            seed,
            seconds,
            status,
            ...(reason !== undefined && { reason }),
            acts: acts(deeds),
            deadLetters: evidence.deadLetters.length,
            violations: violations(evidence, expectationOf(plan, deeds, expected)),
          };
        } catch (error) {
          if (!(error instanceof Unended)) throw error;
          const { deeds, seconds, violations } = error;
          return { seed, seconds, status: 'unended', acts: acts(deeds), deadLetters: 0, violations };
        }
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function expectationOf(plan: Plan, deeds: Deeds, quiet: Quiet): Expectation {
  const { damaged, poison, otherCampaigns } = deeds;
  const removal = plan.acts.find((act) => act.kind === 'remove');
  return { ...quiet, damaged, poison, otherCampaigns, ...(removal && { removed: removal.site }) };
}

/** What a campaign ends with if nobody disturbs it. */
type Quiet = Pick<Expectation, 'commits' | 'derived'>;

const noSkew = Object.fromEntries(
  Object.keys(planOf(0).clocks).map((role) => [role, { ms: 0, later: 0, afterMs: 0 }]),
) as Plan['clocks'];

/** Creates buckets and queues, and lets all sites agree to every campaign. Done once: it takes seconds. */
async function deploy(template: string): Promise<void> {
  const noGpuTasks = () => ({ submit: async () => undefined });
  const server = (name: string) => ({ dataDir: join(template, name) });
  const cloud = await startPlatform({ federation: FEDERATION, server: server('cloud'), gpuTasks: noGpuTasks });
  for (const site of HOSPITALS) {
    const machine = { site, federation: { endpoint: cloud.endpoint }, sentLog: join(template, `${site}.jsonl`) };
    const hospital = await startPlatform({
      federation: FEDERATION,
      machine,
      server: server(site),
      gpuTasks: noGpuTasks,
    });
    await agreeToAll(hospital.context.siteStore(site), site, new Date());
    await hospital.close();
  }
  await cloud.close();
}

async function runCampaign(
  directory: string,
  template: string,
  releases: Releases,
  plan: Plan,
  say: (line: string) => void,
) {
  const started = performance.now();
  const time = () => (performance.now() - started) / 1000;
  const world = await startWorld(directory, template, releases, plan);
  const adversary = startAdversary(world, plan, (line) => say(`  ${time().toFixed(1).padStart(5)} s  ${line}`));
  try {
    const stores = storesAt(world);
    adversary.begin('uploads');
    await uploadAll(stores);
    await until('all cases are counted', UPLOAD_MS, () => areCounted(stores));
    say(`  ${time().toFixed(1).padStart(5)} s  the campaign begins`);
    const campaign = JSON.stringify(plan.masked ? MASKED_CAMPAIGN : CAMPAIGN);
    await repeated(() => stores.federationStore.put(federationKeys.campaign(CAMPAIGN.id), campaign));
    adversary.begin('campaign');
    const outcome = await until('the campaign ends', CAMPAIGN_MS, () => outcomeIn(stores).catch(() => undefined));
    say(`  ${time().toFixed(1).padStart(5)} s  the campaign has ${outcome.status}`);
    await adversary.stop();
    const settling = performance.now();
    const evidence = await settle(world, adversary.deeds);
    say(`  ${time().toFixed(1).padStart(5)} s  settled in ${((performance.now() - settling) / 1000).toFixed(1)} s`);
    return { evidence, deeds: adversary.deeds, seconds: time() };
  } catch (error) {
    throw new Unended(
      [(error as Error).message, ...world.journal.faults, ...lastLines(world)],
      adversary.deeds,
      time(),
    );
  } finally {
    await adversary.stop();
    await world.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A campaign that has not come to its end. */
class Unended extends Error {
  readonly violations: readonly string[];
  readonly deeds: Deeds;
  readonly seconds: number;

  constructor(violations: readonly string[], deeds: Deeds, seconds: number) {
    super(violations.join('\n'));
    this.violations = violations;
    this.deeds = deeds;
    this.seconds = seconds;
  }
}

/** The last different lines of logs and output. */
function lastLines({ journal }: World): readonly string[] {
  const log = journal.log.map(({ role, event, fields }) => `${role}: ${event} ${JSON.stringify(fields)}`);
  return [[...new Set(log.toReversed())], [...new Set(journal.output.toReversed())]].flatMap((lines) =>
    lines.slice(0, 15).toReversed(),
  );
}

async function uploadAll({ siteStore }: WorldStores): Promise<void> {
  for (const site of SITES) {
    for (const { id, labels, volume: number } of CASES) {
      const { image, hingePoints } = volume(volumeOf(site, number));
      await repeated(() => siteStore(site).put(siteKeys.image('training', id), image));
      if (labels.length === 0) continue;
      await repeated(() => siteStore(site).put(siteKeys.markups('training', id, labels[0]), hingePoints));
    }
  }
}

/** Repeats an upload until the storage takes it, as a person would. */
const repeated = (work: () => Promise<unknown>): Promise<true> =>
  until('an upload', UPLOAD_MS, () =>
    work().then(
      () => true as const,
      () => false,
    ),
  );

async function areCounted({ federationStore }: WorldStores): Promise<boolean> {
  const counts = SITES.map(async (site) => {
    const stored = await federationStore.tryGet(federationKeys.summary(site));
    const { cases, labelled } = stored ? JSON.parse(Buffer.from(stored.body).toString()) : {};
    return cases?.training === CASES.length && labelled?.['hinge-points'] === 1;
  });
  return Promise.all(counts).then(
    (all) => all.every(Boolean),
    () => false,
  );
}

/** Whether each site counts its rejected cases. */
async function areRejected({ federationStore }: WorldStores, damaged: readonly string[]): Promise<boolean> {
  const counts = SITES.map(async (site) => {
    const stored = await federationStore.tryGet(federationKeys.summary(site));
    const rejected = stored && JSON.parse(Buffer.from(stored.body).toString()).cases.rejected;
    return rejected === damaged.filter((name) => name.startsWith(`${site}/`)).length;
  });
  return (await Promise.all(counts)).every(Boolean);
}

/** Kills the server once more, whose messages are all visible then, and waits until everything is handled. */
async function settle(world: World, { otherCampaigns, damaged }: Deeds): Promise<Evidence> {
  await world.calm();
  world.kill('server', 0);
  await world.calm();
  const queues = queuesAt(world);
  // What is still not handled then is a finding of the checks.
  await until('no message is left', SETTLE_MS, async () => {
    const left = await messagesLeft(queues).catch(() => undefined);
    return left !== undefined && Object.keys(left).length === 0;
  }).catch(() => undefined);
  const verified = await world.verify(CAMPAIGN.id);
  await until('all rejections are counted', SETTLE_MS, () => areRejected(storesAt(world), damaged)).catch(
    () => undefined,
  );
  const evidence = await readEvidence(world, verified, Object.keys(otherCampaigns));
  await world.stop();
  return { ...evidence, faults: [...world.journal.faults] };
}
