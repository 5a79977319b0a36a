import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { federationKeys } from '../lib/federation/keys.ts';
import { tryReadJson } from '../lib/federation/protocol/documents.ts';
import { outcomeSchema } from '../lib/federation/schemas.ts';
import { seededRandom } from '../lib/random.ts';
import { campaignWith, verifyCampaign } from './simulated-campaign.ts';
import { type Delivery, type Request, type SimulatedSite, simulateFederation } from './simulated-federation.ts';
import { randomSchedule } from './simulated-schedule.ts';
import { sweep } from './sweep.ts';

/**
 * The protocol under an adversary: it orders all requests of everything that runs at once, crashes callers before or
 * after a request, and delivers events and tasks late, twice or never. Its means are finite, as they are in life; what
 * must hold is the same under all of them.
 */

const RESEND_SECONDS = 3600;
const DEADLINE_SECONDS = 86_400;

const behaviour = fc.constantFrom('good', 'good', 'good', 'silent', 'fails', 'diverges') as fc.Arbitrary<
  SimulatedSite['behaviour']
>;
const federation = fc
  .tuple(fc.array(fc.tuple(behaviour, fc.integer({ min: 1, max: 500 })), { minLength: 1, maxLength: 4 }))
  .map(([sites]): readonly SimulatedSite[] =>
    sites.map(([is, samples], i) => ({ id: `site-${i}`, behaviour: is, samples })),
  );

const quorums = fc.record({
  minFraction: fc.constantFrom(0.1, 0.6, 1),
  closeAfterQuorumSeconds: fc.constantFrom(0, 900),
  deadlineSeconds: fc.constant(DEADLINE_SECONDS),
});

/** What happens to a delivery, and to a request; after the list is used up, everything goes well. */
const fates = fc.array(fc.constantFrom('once', 'once', 'twice', 'lost', 'late'), { maxLength: 30 });
const faults = fc.array(fc.constantFrom('none', 'none', 'none', 'none', 'before', 'after'), { maxLength: 150 });

/** A bound that no run comes near; a campaign that needs more runs for ever. */
const MAX_TICKS = 2000;

/** Hands out the items of a list until there are no more. */
function supply<T>(items: readonly T[]) {
  let next = 0;
  return { take: (): T | undefined => items[next++], exhausted: () => next >= items.length };
}

class Crash extends Error {}
const ignoreCrash = (error: unknown) => {
  if (!(error instanceof Crash)) throw error;
};

describe('whatever the events do', () => {
  it('every campaign ends, each round has one commit, and it is the plain mean of its updates', {
    timeout: 300_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        federation,
        quorums,
        fates,
        faults,
        fc.integer(),
        async (sites, quorum, fateList, faultList, seed) => {
          const nextFate = supply(fateList);
          const nextFault = supply(faultList);
          const schedule = randomSchedule(seededRandom('schedule', seed));
          let peace = false;
          const request: Request = async (run) => {
            if (peace) return run();
            await schedule.turn();
            const fault = nextFault.take();
            if (fault === 'before') throw new Crash('crashed before the request');
            const result = await run();
            if (fault === 'after') throw new Crash('crashed after the request');
            return result;
          };
          const world = simulateFederation(sites, request);
          const deliver = async (delivery: Delivery) => {
            if (!(await world.deliver(delivery))) world.pending.push(delivery);
          };
          const ended = () => world.writes.has(federationKeys.outcome('tavi'));
          await world.upload(campaignWith(quorum));

          let calmTicks = 0;
          let ticks = 0;
          for (; !ended() && ticks < MAX_TICKS; ticks++) {
            const idle = world.pending.length === 0;
            const running = world.pending.splice(0).flatMap((delivery) => {
              const fate = nextFate.take() ?? 'once';
              if (fate === 'late') world.pending.push(delivery);
              return fate === 'lost' || fate === 'late' ? [] : fate === 'twice' ? [delivery, delivery] : [delivery];
            });
            const sweeps = Array.from({ length: 1 + (ticks % 2) }, () =>
              sweep(world.context, { resendAfterSeconds: RESEND_SECONDS }).catch(ignoreCrash),
            );
            await schedule.runUntil(Promise.all([...running.map(deliver), ...sweeps]));
            const nothingToCome = idle && world.pending.length === 0;
            calmTicks = nextFate.exhausted() && nextFault.exhausted() ? calmTicks + 1 : 0;
            // Time for a resend; once all that was lost has been sent again, only a deadline can be waited for.
            world.advanceClock(nothingToCome ? (calmTicks > 10 ? DEADLINE_SECONDS : RESEND_SECONDS) : 300);
          }

          expect(ticks).toBeLessThan(MAX_TICKS);
          const errors = world.log.filter(
            ({ event, fields }) => event.endsWith('-failed') && !/^crashed/.test(String(fields.reason)),
          );
          expect(errors.filter(({ event }) => event !== 'task-failed')).toEqual([]);
          peace = true;
          const key = federationKeys.outcome('tavi');
          const outcome = await tryReadJson(world.context.objects, world.bucket, key, outcomeSchema);
          const possible = sites.some((site) => site.behaviour === 'good');
          expect(outcome?.value.status, outcome?.value.reason).toBe(possible ? 'completed' : 'failed');
          if (possible) await verifyCampaign(world, sites);
        },
      ),
      { numRuns: 100 },
    );
  });
});
