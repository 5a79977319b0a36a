import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Chain } from '../../api/chain.ts';
import { checkChain, type Documents, keysOf, type ReadDocument } from './links.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const read = (value: unknown): ReadDocument => {
  const text = JSON.stringify(value);
  return { text, value, bytes: text.length, sha256: sha256(text) };
};

const key = (name: string) => `campaigns/tavi/${name}`;
const CHAIN: Chain = {
  campaign: key('campaign.json'),
  plan: key('plan.json'),
  verify: 'npx fedcardio campaign verify tavi',
  stages: [
    {
      name: 'teacher',
      rounds: [1, 2].map((round) => ({
        round,
        open: key(`${round}/open.json`),
        seal: key(`${round}/seal.json`),
        commit: key(`${round}/commit.json`),
      })),
    },
  ],
};

/** The documents of a chain whose links hold, each changed by `change` before anything refers to it. */
function documents(change: (name: string, value: Record<string, unknown>) => unknown = (_, value) => value) {
  const found = new Map<string, ReadDocument | undefined>();
  const add = (name: string, value: Record<string, unknown>): string => {
    const document = read(change(name, value));
    found.set(key(name), document);
    return document.sha256;
  };
  const campaign = add('campaign.json', {});
  let previous = add('plan.json', { source: campaign });
  for (const round of [1, 2]) {
    const at = { campaign: 'tavi', stage: 'teacher', round };
    const base = round === 1 ? null : { commit: previous };
    const open = add(`${round}/open.json`, { ...at, previous, base });
    const seal = add(`${round}/seal.json`, { ...at, open });
    previous = add(`${round}/commit.json`, { ...at, seal, previous });
  }
  return found;
}

const broken = (of: Documents) =>
  checkChain(CHAIN, of)
    .links.filter(({ state }) => state === 'broken')
    .map(({ holder, field, target }) => [holder, field, target].map((text) => text?.replace(key(''), '')));

test('all links of an unchanged chain hold, each document follows from the plan', () => {
  const { links, misplaced } = checkChain(CHAIN, documents());

  expect(links.map(({ state }) => state)).toEqual(links.map(() => 'holds'));
  expect(new Set(links.map(({ holder }) => holder))).toEqual(new Set(keysOf(CHAIN).slice(1)));
  expect(misplaced).toEqual([]);
});

test.each([
  ['campaign.json', [['plan.json', 'source', 'campaign.json']]],
  ['1/open.json', [['1/seal.json', 'open', '1/open.json']]],
  ['2/seal.json', [['2/commit.json', 'seal', '2/seal.json']]],
  [
    '1/commit.json',
    [
      ['2/open.json', 'previous', '1/commit.json'],
      ['2/open.json', 'base.commit', '1/commit.json'],
      ['2/commit.json', 'previous', '1/commit.json'],
    ],
  ],
])('a byte that is added to %s breaks every link to it, and no other', (name, expected) => {
  const changed = documents();
  const before = changed.get(key(name)) as ReadDocument;
  changed.set(key(name), { ...before, sha256: sha256(`${before.text} `) });

  expect(broken(changed)).toEqual(expected);
});

test("a stage's first round must begin with no model", () => {
  const changed = documents((name, value) =>
    name === '1/open.json' ? { ...value, base: { commit: 'f'.repeat(64) } } : value,
  );

  expect(broken(changed)).toEqual([['1/open.json', 'base.commit', undefined]]);
});

test('a document that cannot be read proves nothing, and one that was not read yet is no fault', () => {
  const lost = documents();
  lost.set(key('2/seal.json'), undefined);
  const unread = documents();
  unread.delete(key('2/seal.json'));

  expect(broken(lost)).toEqual([
    ['2/seal.json', 'open', '2/open.json'],
    ['2/commit.json', 'seal', '2/seal.json'],
  ]);
  expect(broken(unread)).toEqual([]);
  expect(checkChain(CHAIN, unread).links.filter(({ state }) => state === 'unread')).toHaveLength(2);
});

test('a value that is inherited is none: a link is named by own keys', () => {
  const changed = documents();
  const plan = changed.get(key('plan.json')) as ReadDocument;
  changed.set(key('plan.json'), { ...plan, value: Object.create(plan.value as object) });

  expect(broken(changed)).toContainEqual(['plan.json', 'source', 'campaign.json']);
});

test.each([
  ['campaign', 'other'],
  ['stage', 'student'],
  ['round', 1],
])('a document with the %s of another place is misplaced, though its links hold', (field, value) => {
  const copied = documents((name, before) => (name === '2/open.json' ? { ...before, [field]: value } : before));

  expect(broken(copied)).toEqual([]);
  expect(checkChain(CHAIN, copied).misplaced).toEqual([{ holder: key('2/open.json') }]);
});

test('a campaign without a plan has no links', () => {
  const { plan: _, ...unplanned } = CHAIN;

  expect(checkChain({ ...unplanned, stages: [] }, documents())).toEqual({ links: [], misplaced: [] });
});
