import fc from 'fast-check';
import type { CampaignInput } from '../../lib/federation/schemas.ts';
import type { SimulatedSite } from './simulated-site.ts';

/** All that an adversary decides. What it leaves open, the order of requests above all, follows from `seed`. */
export interface Scenario {
  /** `member`: whether the site belongs to the federation, and has counted its cases, from the start. */
  readonly sites: readonly (SimulatedSite & { readonly member: boolean })[];
  readonly quorum: NonNullable<CampaignInput['stages'][number]['quorum']>;
  /** What goes wrong with the n-th request to storage or queues, counted from the start. */
  readonly faults: readonly { readonly request: number; readonly fault: Fault }[];
  /** What becomes of the n-th delivery; the others come once. */
  readonly fates: readonly { readonly delivery: number; readonly fate: Fate }[];
  readonly acts: readonly { readonly tick: number; readonly act: Act }[];
  /** Every invocation's clock is wrong by up to so much, either way. */
  readonly skewSeconds: number;
  /** Objects in a page of a listing; between two pages the world goes on. */
  readonly pageSize: number;
  readonly seed: number;
}

/**
 * `crash-before`, `crash-after`: the caller dies, before or after the request has its effect. `refused`: 503, no effect.
 * `unanswered`: it has its effect, and its caller gets an error. `echo`: a conditional write has its effect, its answer
 * is lost, and the SDK's repetition finds that the object exists. `slow`: minutes pass before it has its effect, and so
 * the caller goes on with what it saw long ago.
 */
export type Fault = 'crash-before' | 'crash-after' | 'refused' | 'unanswered' | 'echo' | 'slow';
type Fate = 'twice' | 'late' | 'lost';

/** What a researcher or a site does of its own accord. Sites are named by their index. */
export type Act =
  | { readonly kind: 'pause' | 'resume' | 'cancel' }
  | { readonly kind: 'join' | 'leave' | 'grow'; readonly site: number }
  /** An answer that nobody asked for: late, second, of another round, or of a site that takes no part. */
  | { readonly kind: 'stray'; readonly site: number; readonly flaw: Flaw; readonly roundsBack: number };
type Flaw = Exclude<SimulatedSite['behaviour'], 'silent'> | 'garbage' | 'misfiled';

/** The last tick at which anything goes wrong. */
export const STORM_TICKS = 18;
const MAX_SITES = 4;

const often = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });
const site = fc.nat(MAX_SITES - 1);
const seed = fc.noShrink(fc.integer());

const sites = (...behaviours: readonly SimulatedSite['behaviour'][]) =>
  fc
    .array(
      fc.record({
        behaviour: often<SimulatedSite['behaviour']>('good', ...behaviours),
        samples: fc.integer({ min: 1, max: 500 }),
        member: fc.boolean().map((isLater) => !isLater),
      }),
      { minLength: 1, maxLength: MAX_SITES },
    )
    .map((all) => all.map((one, index) => ({ ...one, id: `site-${index}`, member: index === 0 || one.member })));

/** Short pages cost many requests, and seldom make a difference. */
const pages = fc.oneof({ weight: 7, arbitrary: fc.constant(1000) }, { weight: 1, arbitrary: fc.constant(4) });

const fates = (...of: readonly Fate[]) =>
  fc.array(fc.record({ delivery: fc.nat(40), fate: fc.constantFrom(...of) }), { maxLength: 12 });
const faults = (...of: readonly Fault[]) =>
  fc.array(fc.record({ request: fc.nat(400), fault: fc.constantFrom(...of) }), { maxLength: 30 });

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('pause', 'resume') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel') }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('join', 'leave', 'grow'), site }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('stray'),
      site,
      flaw: fc.constantFrom('good', 'fails', 'diverges', 'boasts', 'strays', 'garbage', 'misfiled'),
      roundsBack: fc.nat(2),
    }),
  },
);

/** Everything that can go wrong, a finite number of times. */
export const anyScenario: fc.Arbitrary<Scenario> = fc.record({
  sites: sites('silent', 'fails', 'diverges', 'boasts', 'strays'),
  quorum: fc.record({
    minSites: often(1, 2),
    minFraction: fc.constantFrom(0.1, 0.6, 1),
    closeAfterQuorumSeconds: fc.constantFrom(0, 900),
    deadlineSeconds: fc.constantFrom(3600, 86_400),
  }),
  faults: faults('crash-before', 'crash-after', 'refused', 'unanswered', 'echo', 'slow'),
  fates: fates('twice', 'late', 'lost'),
  acts: fc.array(fc.record({ tick: fc.nat(STORM_TICKS), act }), { maxLength: 6 }),
  skewSeconds: fc.constantFrom(0, 30, 600),
  pageSize: pages,
  seed,
});

/** Nothing is lost and nobody dies: then events alone, without the sweep, must bring every campaign to its end. */
export const harmlessScenario: fc.Arbitrary<Scenario> = fc.record({
  sites: sites('fails', 'diverges', 'boasts', 'strays').map((all) => all.map((one) => ({ ...one, member: true }))),
  quorum: fc.record({
    minSites: often(1, 2),
    minFraction: fc.constantFrom(0.1, 0.6, 1),
    closeAfterQuorumSeconds: fc.constant(0),
    deadlineSeconds: fc.constant(86_400),
  }),
  faults: faults('slow', 'echo'),
  fates: fates('twice', 'late'),
  acts: fc.constant([]),
  skewSeconds: fc.constantFrom(0, 30, 600),
  pageSize: pages,
  seed,
});
