import fc from 'fast-check';
import type { CampaignInput } from '../../lib/federation/schemas.ts';
import { ATTACKS, type Attack } from './attacks.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** Everything that a run depends on. Choices that are not listed, such as the order of requests, follow from `seed`. */
export interface Scenario {
  /** `member`: whether the site belongs to the federation and has counted its cases at the start. */
  readonly sites: readonly (SimulatedSite & { readonly member: boolean })[];
  readonly quorum: NonNullable<CampaignInput['stages'][number]['quorum']>;
  /** Faults of the n-th requests to storage or queues, counted from 0. */
  readonly requestFaults: readonly { readonly request: number; readonly fault: RequestFault }[];
  /** Times in which storage is away or full, counted in requests. */
  readonly outages: readonly Outage[];
  /** Faults of the n-th message deliveries, counted from 0. All others are delivered once. */
  readonly deliveryFaults: readonly { readonly delivery: number; readonly fault: DeliveryFault }[];
  readonly commands: readonly { readonly tick: number; readonly command: Command }[];
  /** Largest error of an invocation's clock, in either direction. */
  readonly skewSeconds: number;
  /** Objects in a page of a listing. Other invocations run between two pages. */
  readonly pageSize: number;
  /** Keys of a campaign that are listed before each of its stages is looked up. */
  readonly listedKeys: number;
  readonly seed: number;
}

/**
 * `crash-before`, `crash-after`: the caller crashes before or after the request takes effect. `refused`: 503, no effect.
 * `unanswered`: the request takes effect, but its caller gets an error. `sdk-retry`: a conditional write takes effect,
 * its answer is lost, and the SDK's retry fails because the object exists. `slow`: the request takes effect minutes
 * later, so the caller continues with an outdated view.
 */
export type RequestFault = 'crash-before' | 'crash-after' | 'refused' | 'unanswered' | 'sdk-retry' | 'slow';
/** `away`: no request is answered, of any caller. `full`: writes fail with a full disk. */
export interface Outage {
  readonly from: number;
  readonly requests: number;
  readonly kind: 'away' | 'full';
}
type DeliveryFault = 'duplicated' | 'delayed' | 'lost';

/** An action of a researcher or a site. `site` is an index. */
export type Command =
  | { readonly kind: 'pause' | 'resume' | 'cancel' }
  | { readonly kind: 'join' | 'leave' | 'grow'; readonly site: number }
  /** A late or second answer, one to another round, or one of a site that does not participate. */
  | { readonly kind: 'unsolicited-answer'; readonly site: number; readonly flaw: Flaw; readonly roundsBack: number }
  | {
      readonly kind: 'attack';
      readonly site: number;
      readonly attack: Attack;
      readonly variant: number;
      readonly roundsBack: number;
    };
type Flaw = Exclude<SimulatedSite['behaviour'], 'silent'> | 'garbage' | 'misfiled';

/** The last tick of the fault phase. */
export const FAULT_TICKS = 18;
const MAX_SITES = 4;

const usually = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const site = fc.nat(MAX_SITES - 1);
const seed = fc.noShrink(fc.integer());

const sites = (...behaviours: readonly SimulatedSite['behaviour'][]) =>
  fc
    .array(
      fc.record({
        behaviour: usually<SimulatedSite['behaviour']>('good', ...behaviours),
        samples: fc.integer({ min: 1, max: 500 }),
        member: fc.boolean().map((joinsLater) => !joinsLater),
      }),
      { minLength: 1, maxLength: MAX_SITES },
    )
    .map((all) => all.map((one, index) => ({ ...one, id: `site-${index}`, member: index === 0 || one.member })));

/** Short pages cost many requests and rarely matter. */
const pages = fc.oneof({ weight: 7, arbitrary: fc.constant(1000) }, { weight: 1, arbitrary: fc.constant(4) });

/** Whether a campaign's first keys are all of it, or each stage is looked up. */
const listedKeys = fc.constantFrom(1000, 3);

const deliveryFaults = (...kinds: readonly DeliveryFault[]) =>
  fc.array(fc.record({ delivery: fc.nat(40), fault: fc.constantFrom(...kinds) }), { maxLength: 12 });
const requestFaults = (...kinds: readonly RequestFault[]) =>
  fc.array(fc.record({ request: fc.nat(400), fault: fc.constantFrom(...kinds) }), { maxLength: 30 });

/** The longest ones last several ticks: a failed handler makes few requests. */
const outages = fc.array(
  fc.record({
    from: fc.nat(400),
    requests: fc.integer({ min: 1, max: 60 }),
    kind: fc.constantFrom<Outage['kind']>('away', 'full'),
  }),
  { maxLength: 2 },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'resume') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel') }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('join', 'leave', 'grow'), site }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('unsolicited-answer'),
      site,
      flaw: fc.constantFrom('good', 'fails', 'diverges', 'overclaims', 'wrong-base', 'garbage', 'misfiled'),
      roundsBack: fc.nat(2),
    }),
  },
);

/** All faults and commands, each a finite number of times. */
export const anyScenario: fc.Arbitrary<Scenario> = fc.record({
  sites: sites('silent', 'fails', 'diverges', 'overclaims', 'wrong-base'),
  quorum: fc.record({
    minSites: usually(1, 2),
    minFraction: fc.constantFrom(0.1, 0.6, 1),
    closeAfterQuorumSeconds: fc.constantFrom(0, 900),
    deadlineSeconds: fc.constantFrom(3600, 86_400),
  }),
  requestFaults: requestFaults('crash-before', 'crash-after', 'refused', 'unanswered', 'sdk-retry', 'slow'),
  outages,
  deliveryFaults: deliveryFaults('duplicated', 'delayed', 'lost'),
  commands: fc.array(fc.record({ tick: fc.nat(FAULT_TICKS), command }), { maxLength: 6 }),
  skewSeconds: fc.constantFrom(0, 30, 600),
  pageSize: pages,
  listedKeys,
  seed,
});

/**
 * Without losses and crashes, where events must complete every campaign even if no sweep runs. A claim of too many cases waits for a
 * count that never comes: only a sweep ends that.
 */
export const losslessScenario: fc.Arbitrary<Scenario> = fc.record({
  sites: sites('fails', 'diverges', 'wrong-base').map((all) => all.map((one) => ({ ...one, member: true }))),
  quorum: fc.record({
    minSites: usually(1, 2),
    minFraction: fc.constantFrom(0.1, 0.6, 1),
    closeAfterQuorumSeconds: fc.constant(0),
    deadlineSeconds: fc.constant(86_400),
  }),
  requestFaults: requestFaults('slow', 'sdk-retry'),
  outages: fc.constant([]),
  deliveryFaults: deliveryFaults('duplicated', 'delayed'),
  commands: fc.constant([]),
  skewSeconds: fc.constantFrom(0, 30, 600),
  pageSize: pages,
  listedKeys,
  seed,
});

const attack: fc.Arbitrary<Command> = fc.record({
  kind: fc.constant('attack'),
  site: fc.integer({ min: 1, max: MAX_SITES - 1 }),
  // A flood costs hundreds of requests.
  attack: fc.oneof(
    { weight: 40, arbitrary: fc.constantFrom(...ATTACKS.filter((one) => one !== 'flood')) },
    { weight: 1, arbitrary: fc.constant<Attack>('flood') },
  ),
  variant: fc.nat(1000),
  roundsBack: usually(0, 1, 2),
});

/**
 * Besides all faults, sites that attack the rounds. The first site is honest and always answers. Only it counts new cases,
 * so that what a hostile site writes as its summary never decides how many cases its answers may claim.
 */
export const hostileScenario: fc.Arbitrary<Scenario> = fc
  .tuple(
    anyScenario,
    sites('silent', 'fails', 'diverges'),
    fc.array(fc.record({ tick: fc.nat(FAULT_TICKS), command: attack }), { minLength: 1, maxLength: 8 }),
  )
  .map(([scenario, others, attacks]) => ({
    ...scenario,
    sites: others.map((one, index) => (index === 0 ? { ...one, behaviour: 'good' as const } : one)),
    commands: [...scenario.commands.filter(({ command }) => command.kind !== 'grow' || command.site === 0), ...attacks],
  }));
