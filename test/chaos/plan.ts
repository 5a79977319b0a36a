import { pick, type Random, seededRandom, uniform } from '../../lib/random.ts';
import type { FaultsInput } from '../../local/emulator/faults/configuration.ts';
import { HOSPITALS, type Hospital, isHospital, SITES, type SiteId } from './federation.ts';
import { STEP_NAMES, STEPS, type StepName } from './steps.ts';

/** A machine, and the GPU tasks that run on it. */
export type Machine = 'coordinator' | Hospital;
export type Role = 'server' | Machine | `${Machine}-task`;

/** When something happens: at a step of the campaign, or so many seconds after the uploads or the campaign began. */
type Moment =
  | { readonly phase: 'uploads' | 'campaign'; readonly seconds: number }
  | {
      readonly step: StepName;
      /** Before the request is sent, or after it took effect and before its answer is seen. */
      readonly moment: 'before' | 'after';
      /** At which time that the step is reached, by whichever process. */
      readonly nth: number;
    }
  /** When half a record of the server's journal is written. */
  | { readonly half: 'journal'; readonly nth: number };

export type Damage = 'cut off' | 'random bytes' | 'empty' | 'not gzipped' | 'damaged label' | 'copy of another case';
export const DAMAGES: readonly Damage[] = [
  'cut off',
  'random bytes',
  'empty',
  'not gzipped',
  'damaged label',
  'copy of another case',
];
type Poison = 'messages' | 'files of a site' | 'updates of a site' | 'other campaigns';
const POISONS: readonly Poison[] = ['messages', 'files of a site', 'updates of a site', 'other campaigns'];

/** One thing that the adversary does. Times are in milliseconds. */
export type Act = { readonly at: Moment } & (
  | { readonly kind: 'kill'; readonly role: Role; readonly awayMs: number }
  | { readonly kind: 'stop'; readonly role: Role; readonly ms: number }
  | { readonly kind: 'faults'; readonly of: Storage; readonly rules: FaultsInput['rules']; readonly ms: number }
  /** `limit`: no file of the server can grow by more bytes than this. `switch`: the server's own fault. */
  | {
      readonly kind: 'disk-full';
      readonly of: Storage;
      readonly how: 'limit' | 'switch';
      readonly spare: number;
      readonly ms: number;
    }
  | { readonly kind: 'away'; readonly site: SiteId; readonly ms: number }
  | { readonly kind: 'upgrade'; readonly role: Machine; readonly change: 'keys' | 'major' }
  | { readonly kind: 'poison'; readonly what: Poison; readonly site: SiteId }
  | { readonly kind: 'damaged CT'; readonly site: SiteId; readonly what: Damage }
  /** Kills a site's GPU task each time that it is tried: the site's answer is a failure. */
  | { readonly kind: 'remove'; readonly site: Hospital }
);

/** Whose storage: the federation's server with the sites in the cloud, or that of a hospital. */
export type Storage = 'cloud' | Hospital;

/** By how much the clock of a process is wrong, milliseconds: at its start, and when it has run for a while. */
export interface Clock {
  readonly ms: number;
  readonly later: number;
  readonly afterMs: number;
}

export interface Plan {
  readonly seed: number;
  /** Whether the campaign has secure aggregation. */
  readonly masked: boolean;
  readonly clocks: Readonly<Record<Role, Clock>>;
  readonly acts: readonly Act[];
}

/** More than this of one machine's GPU task would be its third failure, which answers for the site. */
const GPU_TASK_KILLS = 2;
const CLOCK_MS = 600_000;
const CAMPAIGN_SECONDS = 14;
const UPLOAD_SECONDS = 3;

/** What the adversary does with a seed. */
export function planOf(seed: number): Plan {
  const random = seededRandom('chaos', seed);
  const masked = seed % 4 === 2;
  const kill = (role: Role) => killOf(random, role, masked);
  const stop = (role: Role) => stopOf(random, role, masked);
  const some = (low: number, high: number) => low + Math.floor(random() * (high - low + 1));
  const machines: readonly Machine[] = ['coordinator', ...HOSPITALS];
  const skew = () => Math.round(uniform(random, -CLOCK_MS, CLOCK_MS));
  const clock = (): Clock => {
    const ms = skew();
    return { ms, later: random() < 0.3 ? skew() : ms, afterMs: some(2000, 15_000) };
  };
  const roles: readonly Role[] = ['server', ...machines, ...machines.map((machine) => `${machine}-task` as const)];
  const clocks = Object.fromEntries(roles.map((role) => [role, clock()])) as Plan['clocks'];
  const acts: Act[] = [
    kill('server'),
    kill('coordinator'),
    ...Array.from({ length: some(1, GPU_TASK_KILLS) }, () => kill('coordinator-task')),
    kill(pick(random, [...HOSPITALS, 'jena-task', 'kiel-task', 'server', 'coordinator'] as const)),
    ...Array.from({ length: some(1, 2) }, () => stop(pick(random, roles))),
    ...Array.from({ length: some(1, 2) }, () => faultsOf(random)),
    { kind: 'away', site: pick(random, SITES), ms: some(1000, 4000), at: anyTime(random) },
    ...Array.from({ length: some(1, 3) }, (): Act => {
      const what = pick(random, POISONS);
      const at = what === 'updates of a site' ? afterUpdate(random) : anyTime(random);
      return { kind: 'poison', what, site: pick(random, SITES), at };
    }),
    { kind: 'damaged CT', site: pick(random, SITES), what: pick(random, DAMAGES), at: anyTime(random) },
  ];
  if (random() < 0.6) acts.push(diskFullOf(random));
  // Rare things, so that some seeds are without, and a few seeds have each.
  if (seed % 5 === 3)
    acts.push({ kind: 'upgrade', role: pick(random, HOSPITALS), change: 'major', at: inCampaign(random, 8) });
  else if (random() < 0.6)
    acts.push({ kind: 'upgrade', role: pick(random, machines), change: 'keys', at: anyTime(random) });
  if (seed % 7 === 0) return { seed, masked, clocks, acts: withRemoval(acts, pick(random, HOSPITALS), random) };
  return { seed, masked, clocks, acts };
}

const inCampaign = (random: Random, until = CAMPAIGN_SECONDS): Moment => ({
  phase: 'campaign',
  seconds: round(uniform(random, 0, until)),
});
const anyTime = (random: Random): Moment =>
  random() < 0.2 ? { phase: 'uploads', seconds: round(uniform(random, 0, UPLOAD_SECONDS)) } : inCampaign(random);
const round = (seconds: number): number => Math.round(seconds * 10) / 10;

/** A site's garbage must not come before its answer, which it would stand for. */
const afterUpdate = (random: Random): Moment => ({
  step: 'publish an update',
  moment: 'after',
  nth: 1 + Math.floor(random() * 20),
});

/** Steps whose requests a process makes, or the server answers. */
function stepsOf(role: Role, masked: boolean): readonly StepName[] {
  const names = STEP_NAMES.filter((name) => masked || !STEPS[name].masked);
  if (role === 'server') return names.filter((name) => STEPS[name].method !== 'POST');
  const by = role.endsWith('-task') ? ['gpu-task'] : role === 'coordinator' ? ['coordinator', 'site'] : ['site'];
  return names.filter((name) => by.includes(STEPS[name].by));
}

/** How often a campaign reaches a step at least, in all processes of a role. */
function occurrences(role: Role, step: StepName): number {
  if (role === 'server') return step === 'read a CT' || step === 'checkpoint' ? 12 : 3;
  if (STEPS[step].by === 'gpu-task') return isHospital(role.split('-')[0] as string) ? 2 : 10;
  if (STEPS[step].by === 'site') return isHospital(role) ? 1 : 6;
  if (['plan', 'end the campaign'].includes(step)) return 1;
  if (['ask for keys', 'name the cohort'].includes(step)) return 2;
  return STEPS[step].masked || ['store the merge', 'name the model'].includes(step) ? 3 : 4;
}

function momentOf(random: Random, role: Role, masked: boolean): Moment {
  const chance = random();
  if (chance < 0.25) return anyTime(random);
  if (chance < 0.4 && !role.endsWith('-task') && role !== 'coordinator') {
    return { half: 'journal', nth: 1 + Math.floor(random() * (role === 'server' ? 300 : 30)) };
  }
  const step = pick(random, stepsOf(role, masked));
  const most =
    role === 'server' && STEPS[step].by !== 'gpu-task' ? occurrences('coordinator', step) : occurrences(role, step);
  return { step, moment: random() < 0.5 ? 'before' : 'after', nth: 1 + Math.floor(random() * most) };
}

const killOf = (random: Random, role: Role, masked: boolean): Act => ({
  kind: 'kill',
  role,
  awayMs: Math.round(uniform(random, 0, 2500)),
  at: momentOf(random, role, masked),
});

const stopOf = (random: Random, role: Role, masked: boolean): Act => ({
  kind: 'stop',
  role,
  ms: Math.round(uniform(random, 500, 4000)),
  at: momentOf(random, role, masked),
});

const storageOf = (random: Random): Storage => pick(random, ['cloud', 'cloud', 'cloud', ...HOSPITALS] as const);

function faultsOf(random: Random): Act {
  const upTo = (most: number) => Math.round(uniform(random, 0, most) * 1000) / 1000;
  const rules: FaultsInput['rules'] = [
    { fault: 'conflict', rate: upTo(0.4) },
    { fault: 'slow-down', rate: upTo(0.1) },
    { fault: 'slow', rate: upTo(0.1), ms: 400 },
    { fault: 'cut-before', rate: upTo(0.06) },
    { fault: 'cut-after', rate: upTo(0.1) },
    { fault: 'cut-upload', rate: upTo(0.06) },
    { fault: 'cut-download', rate: upTo(0.06) },
    { fault: 'drop', rate: upTo(0.4) },
    { fault: 'duplicate', rate: upTo(0.3), ms: 300 },
    { fault: 'delay', rate: upTo(0.3), ms: 1500 },
    { fault: 'reorder', rate: upTo(0.3) },
  ];
  return {
    kind: 'faults',
    of: storageOf(random),
    rules,
    ms: Math.round(uniform(random, 2000, 8000)),
    at: anyTime(random),
  };
}

function diskFullOf(random: Random): Act {
  const of = storageOf(random);
  const how = of === 'cloud' ? 'limit' : 'switch';
  return {
    kind: 'disk-full',
    of,
    how,
    spare: Math.floor(random() * 600),
    ms: Math.round(uniform(random, 800, 2500)),
    at: anyTime(random),
  };
}

/** A removal needs its site's machine for itself: a restart of the launcher would forget the failures before. */
function withRemoval(acts: readonly Act[], site: Hospital, random: Random): readonly Act[] {
  const others = acts.filter(
    (act) => !('role' in act && act.role.startsWith(site)) && !('site' in act && act.site === site),
  );
  const nth = 1 + Math.floor(random() * 2);
  return [...others, { kind: 'remove', site, at: { step: 'publish weights', moment: 'before', nth } }];
}

/** One line on each act, for people. */
export function describePlan({ seed, masked, clocks, acts }: Plan): string {
  const signed = (ms: number) => `${ms < 0 ? '' : '+'}${Math.round(ms / 1000)} s`;
  const skews = Object.entries(clocks).map(([role, { ms, later, afterMs }]) => {
    const jump = later === ms ? '' : ` (${signed(later)} after ${seconds(afterMs)})`;
    return `${role} ${signed(ms)}${jump}`;
  });
  return [
    `seed ${seed}${masked ? ', with secure aggregation' : ''}`,
    `  clocks: ${skews.join(', ')}`,
    ...acts.map((act, id) => `  ${id}. ${describeAct(act)}`),
  ].join('\n');
}

export function describeAct(act: Act): string {
  return `${momentText(act.at)}: ${actText(act)}`;
}

function momentText(at: Moment): string {
  if ('half' in at) return `in the middle of record ${at.nth} of the journal`;
  if ('step' in at) return `${at.moment} "${at.step}" (${ordinal(at.nth)})`;
  return `${at.seconds} s after the ${at.phase === 'uploads' ? 'first upload' : 'campaign began'}`;
}

const ordinal = (n: number): string => `time ${n}`;
const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

function actText(act: Act): string {
  switch (act.kind) {
    case 'kill':
      return `kill ${act.role}, away for ${seconds(act.awayMs)}`;
    case 'stop':
      return `stop ${act.role} for ${seconds(act.ms)}`;
    case 'faults':
      return `faults of ${act.of} for ${seconds(act.ms)}: ${act.rules.map(({ fault, rate }) => `${fault} ${rate}`).join(', ')}`;
    case 'disk-full':
      return `disk of ${act.of} full for ${seconds(act.ms)} (${act.how === 'limit' ? `${act.spare} bytes left` : 'switch'})`;
    case 'away':
      return `${act.site} away for ${seconds(act.ms)}`;
    case 'upgrade':
      return act.change === 'keys'
        ? `upgrade ${act.role} to a release that writes unknown keys`
        : `upgrade ${act.role} to a release of the next major version, and later the coordinator`;
    case 'poison':
      return `poison: ${act.what} (${act.site})`;
    case 'damaged CT':
      return `upload a CT to ${act.site}: ${act.what}`;
    case 'remove':
      return `kill the GPU task of ${act.site} at every attempt`;
  }
}
