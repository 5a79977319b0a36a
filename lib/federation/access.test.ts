import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FEDERATION_ACCESS, isLike, machineAccess, type ObjectAccess, siteAccess } from './access.ts';
import { FAILED_ID, type FederationKey, federationKeys, type RoundAddress } from './keys.ts';
import { FEDERATION_ROLES, SITE_ROLES } from './topology.ts';

/** Names that stand in keys as folders, and names that others begin with. */
const WORDS = [
  ...[
    'init',
    'updates',
    'models',
    'campaigns',
    'sites',
    'merge',
    'merged',
    'global-x',
    'state-x',
    '0001',
    'seal',
    'plan',
  ],
  ...['bonn', 'bonn-a', 'a', 'failed', 'report', 'tasks', 'doctor', 'outcome', 'federation', 'site', 'commit', 'x'],
];
const name = fc.oneof(fc.constantFrom(...WORDS), fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,8}[a-z0-9])?$/));
const stage = fc.oneof(
  name,
  fc.tuple(name, name).map((parts) => parts.join('/')),
);
const address = fc.record({ campaign: name, stage, round: fc.integer({ min: 1, max: 20_000 }) });

/** What the site of a key, other sites and the coordinator's roles may do with it; written by hand from docs/objects.md. */
interface Design {
  readonly key: FederationKey;
  /** r read, w write, l list: every site. */
  readonly sites: string;
  /** The same, the site that the key names only. */
  readonly owner?: string;
  /** Roles of the coordinator that write it. */
  readonly writers: readonly string[];
}

const MERGERS = ['aggregate', 'sweep', 'merge'];
const PLANNERS = ['orchestrate', 'sweep'];

function designOf(at: RoundAddress, owner: string, id: string): readonly Design[] {
  const update = federationKeys.update(at, owner, id);
  const own = { sites: '', owner: 'rwl' };
  return [
    { key: federationKeys.tasks, sites: 'rl', writers: ['sweep', 'research'] },
    { key: federationKeys.doctor(id), sites: '', writers: [] },
    { key: federationKeys.summary(owner), ...own, writers: [] },
    { key: federationKeys.campaign(at.campaign), sites: '', writers: ['research'] },
    { key: federationKeys.control(at.campaign), sites: 'rl', writers: ['research'] },
    { key: federationKeys.plan(at.campaign), sites: 'rl', writers: PLANNERS },
    { key: federationKeys.outcome(at.campaign), sites: 'l', writers: [...FEDERATION_ROLES] },
    { key: federationKeys.init(at.campaign, id), sites: 'rl', writers: ['research'] },
    { key: federationKeys.open(at), sites: '', writers: PLANNERS },
    { key: federationKeys.sent(at), sites: '', writers: PLANNERS },
    { key: federationKeys.setup({ ...at, attempt: 1 }), sites: '', writers: PLANNERS },
    { key: federationKeys.cohort({ ...at, attempt: 1 }), sites: 'r', writers: PLANNERS },
    { key: federationKeys.asked(at), sites: '', writers: PLANNERS },
    { key: federationKeys.asked({ campaign: at.campaign, stage: at.stage }), sites: '', writers: PLANNERS },
    { key: federationKeys.survivors(at), sites: 'r', writers: MERGERS },
    { key: federationKeys.endorsed(at), sites: 'r', writers: PLANNERS },
    { key: federationKeys.opened(at), sites: '', writers: PLANNERS },
    { key: federationKeys.maskedSum(at, id), sites: '', writers: MERGERS },
    { key: federationKeys.mean(at, id), sites: '', writers: MERGERS },
    { key: federationKeys.stepAnswer(at, owner, 'reveal'), ...own, writers: [] },
    { key: federationKeys.lease(at), sites: '', writers: MERGERS },
    { key: federationKeys.mergeJob(at), sites: '', writers: MERGERS },
    { key: federationKeys.seal(at), sites: 'l', writers: MERGERS },
    { key: federationKeys.commit(at), sites: '', writers: MERGERS },
    { key: federationKeys.state(at, id), sites: '', writers: MERGERS },
    { key: federationKeys.global(at, id), sites: 'r', writers: MERGERS },
    { key: federationKeys.merged(at), sites: 'rl', writers: MERGERS },
    { key: update, ...own, writers: [] },
    { key: federationKeys.update(at, owner, FAILED_ID), ...own, writers: [] },
    { key: federationKeys.updateWeights(at, owner, id), ...own, writers: [] },
    { key: federationKeys.refusal(update), ...own, writers: MERGERS },
  ];
}

const matches = (patterns: ObjectAccess['list'], key: string) =>
  patterns === 'everything' || (patterns ?? []).some((pattern) => isLike(key, pattern));
const lettersOf = ({ read, write, list }: ObjectAccess, key: string) =>
  `${matches(read, key) ? 'r' : ''}${matches(write, key) ? 'w' : ''}${matches(list, key) ? 'l' : ''}`;

describe('whatever campaigns, stages and sites are called', () => {
  test('a site may do with every key of the federation bucket exactly what the design allows', () => {
    fc.assert(
      fc.property(address, name, name, name, (at, site, owner, id) => {
        for (const { key, sites, owner: own = '' } of designOf(at, owner, id)) {
          expect(lettersOf(machineAccess(site), key), key).toBe(owner === site ? own || sites : sites);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('no role of a site may do more than its machine may', () => {
    fc.assert(
      fc.property(address, name, name, name, (at, site, owner, id) => {
        const most = machineAccess(site);
        for (const { key } of designOf(at, owner, id)) {
          for (const role of SITE_ROLES) {
            const { federation } = siteAccess(site)[role];
            for (const letter of lettersOf(federation, key)) expect(lettersOf(most, key), key).toContain(letter);
          }
        }
      }),
    );
  });

  test('a site lists nothing of other sites, and no folder of the coordinator', () => {
    fc.assert(
      fc.property(address, name, name, (at, site, other) => {
        fc.pre(site !== other);
        const { list } = machineAccess(site);
        const prefixes = [
          ...['', 'updates/', 'sites/', 'campaigns/', 'models/', `updates/${site.slice(0, -1)}`],
          ...[federationKeys.campaignPrefix(at.campaign), federationKeys.round(at), federationKeys.models(at)],
          ...[federationKeys.campaignUpdates(at.campaign, other), federationKeys.siteUpdates(at, other)],
        ];
        expect(prefixes.filter((prefix) => matches(list, prefix))).toEqual([]);
        expect(matches(list, federationKeys.siteUpdates(at, site))).toBe(true);
      }),
    );
  });

  test('a role of the coordinator writes exactly its own documents', () => {
    fc.assert(
      fc.property(address, name, name, (at, owner, id) => {
        for (const { key, writers } of designOf(at, owner, id)) {
          const found = FEDERATION_ROLES.filter((role) => matches(FEDERATION_ACCESS[role].write ?? [], key));
          expect(found, key).toEqual(FEDERATION_ROLES.filter((role) => writers.includes(role)));
        }
      }),
    );
  });
});
