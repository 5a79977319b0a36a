import { generateKeyPairSync } from 'node:crypto';
import { collect } from '../async.ts';
import { sha256Hex } from '../json.ts';
import type { FixedPoint } from './fixed-point.ts';
import { checkedKeyShares, keyDirectory, publishKeys, shareKeys } from './key-messages.ts';
import { maskedFile } from './masked-file.ts';
import { recoverMasks } from './recovery.ts';
import { addToSum } from './ring-masks.ts';
import type { Cohort, SecureRound } from './secure-round.ts';
import { seededBytes } from './testing.ts';
import { checkedReveal, endorse, listDigest, reveal, survivorList } from './unmasking.ts';
import { checkedUpdate, updateMasks, updateMessage } from './update-message.ts';

/** Sites that have exchanged keys and key shares. */
export function createCohort(sites: number, options: { threshold?: number; rounds?: number; stage?: string } = {}) {
  const names = Array.from({ length: sites }, (_, i) => `site-${String(i).padStart(2, '0')}`);
  const cohort: Cohort = {
    campaign: 'tavi',
    stage: options.stage ?? 'student',
    plan: sha256Hex('plan'),
    sites: names,
    threshold: options.threshold ?? Math.floor(sites / 2) + 1,
    attempt: 1,
    rounds: options.rounds ?? 1,
    agreed: sha256Hex('terms and members'),
  };
  const pairs = names.map((site) => [site, generateKeyPairSync('ed25519')] as const);
  const identities = new Map(pairs.map(([site, { publicKey }]) => [site, publicKey]));
  const own = pairs.map(([site, { privateKey }]) => ({ site, secret: seededBytes(site)(32), signingKey: privateKey }));
  const keys = own.map((one) => publishKeys(one, cohort));
  const directory = keyDirectory(cohort, keys, identities);
  const shares = own.map((one) => shareKeys(one, cohort, directory));
  return { cohort, identities, own, keys, directory, shares };
}

export type TestCohort = ReturnType<typeof createCohort>;

export const LAYOUT = new Map([
  ['a', { dtype: 'F32', shape: [2, 3] }],
  ['b', { dtype: 'F32', shape: [5] }],
  ['c', { dtype: 'F32', shape: [] }],
] as const);
export const VALUES = 12;
/** Words of a masked file: a weight for each tensor, and the values. */
export const WORDS = LAYOUT.size + VALUES;

/** One site's update: its values, and what it weighs in each tensor. */
export interface TestUpdate {
  readonly values: Float32Array;
  readonly weights: Readonly<Record<string, number>>;
}

/** The words of a file that `maskedFile` has written, without its header. */
async function wordsOf(file: AsyncIterable<Uint8Array>): Promise<Int32Array> {
  const [, ...parts] = await collect(file);
  const bytes = Uint8Array.from(Buffer.concat(parts));
  return new Int32Array(bytes.buffer);
}

export function* slicesOf<T extends Float32Array | Int32Array>(values: T, length: number): Generator<T> {
  for (let start = 0; start < values.length; start += length) yield values.subarray(start, start + length) as T;
}

/** What a site sends: masked words, and the message beside them. */
export async function sendUpdate(
  cohort: TestCohort,
  at: SecureRound,
  index: number,
  update: TestUpdate,
  terms: FixedPoint,
) {
  const own = cohort.own[index] as TestCohort['own'][number];
  const plain = sha256Hex(JSON.stringify([[...update.values], update.weights]));
  const masks = updateMasks(own, at, cohort.directory, plain);
  const file = maskedFile(
    { layout: LAYOUT, terms, masks },
    slicesOf(update.values, 5),
    (name) => update.weights[name] as number,
  );
  const words = await wordsOf(file);
  return {
    words,
    message: updateMessage(own, at, cohort.directory, { plain, weights: sha256Hex(new Uint8Array(words.buffer)) }),
  };
}

/** The fixed point of an update without masks. */
export const plainWords = ({ values, weights }: TestUpdate, terms: FixedPoint): Promise<Int32Array> =>
  wordsOf(maskedFile({ layout: LAYOUT, terms, masks: [] }, [values], (name) => weights[name] as number));

export function sumOf(all: readonly Int32Array[]): Int32Array {
  const sum = new Int32Array(WORDS);
  for (const words of all) addToSum(sum, words);
  return sum;
}

type Sent = Awaited<ReturnType<typeof sendUpdate>>;

/** From the updates that came to the masks that are left: the sites at `answering` endorse the list and open shares. */
export function unmask(
  cohort: TestCohort,
  at: SecureRound,
  sent: ReadonlyMap<number, Sent>,
  answering: readonly number[],
) {
  const { identities, directory } = cohort;
  const updates = [...sent.values()].map(({ message }) => checkedUpdate(at, message, identities));
  const keyShares = cohort.shares.map((message) => checkedKeyShares(at.cohort, message, identities));
  const list = survivorList(at, updates);
  const recordOf = (index: number) => {
    const message = sent.get(index)?.message.content;
    return { endorsed: listDigest(list), sent: message ? [message.commitment] : [] };
  };
  const ownOf = (index: number) => cohort.own[index] as TestCohort['own'][number];
  const endorsements = answering.map((i) => endorse(ownOf(i), at, list, { ...recordOf(i), endorsed: undefined }));
  const round = { list, endorsements, updates, keyShares, identities };
  const answers = answering.map((i) => reveal(ownOf(i), at, directory, { ...round, record: recordOf(i) }));
  const reveals = answers.map(({ message }) => checkedReveal(list, message, identities));
  const recovery = recoverMasks(at, directory, { list, updates, keyShares, reveals });
  return { ...round, answers, reveals, recovery };
}
