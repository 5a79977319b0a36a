import { createHash } from 'node:crypto';
import { createHashes } from '../../aggregation/hashes.ts';
import { mergeUpdates } from '../../aggregation/merge.ts';
import { openOutput } from '../../aggregation/output.ts';
import { type Summed, sumUpdates } from '../../aggregation/sum.ts';
import { FedcardioError } from '../../error.ts';
import { federationKeys } from '../../federation/keys.ts';
import type { Open, Opened, Seal, StoredFile } from '../../federation/schemas.ts';
import { createMaskThread } from '../../privacy/mask-thread.ts';
import { type MaskedFile, maskedLayout, meanOfSums } from '../../privacy/masked-file.ts';
import { masksOf } from '../../privacy/recovery.ts';
import type { FederationStore } from '../../storage/contract.ts';
import type { OwnedLease } from '../../storage/lease.ts';
import { encodeSafetensorsHeader } from '../../weights/safetensors.ts';
import { safetensorsDataStart } from '../../weights/safetensors-header.ts';
import { digestOf, type MergedEntries } from '../merge-entries.ts';
import { privacyOfMerge } from '../private-merge.ts';
import type { StageStart } from '../stage-start.ts';
import { cohortOf, listOf, plannedStart } from './round.ts';

type Lease = Pick<OwnedLease, 'renew'>;

/**
 * Adds up the masked updates of a seal, or of a seal to be made. They are read to the end: one that is not as its metadata says is
 * refused before the seal names it.
 */
export async function sumEntries(
  store: FederationStore,
  open: Open,
  sealed: Pick<Seal, 'updates'>,
  lease?: Lease,
): Promise<Summed> {
  const { stage, start } = await plannedStart(store, open);
  const inputs = sealed.updates.flatMap(({ site, samples, weights }) => (weights ? [{ site, samples, weights }] : []));
  return sumUpdates(inputs, {
    store,
    key: federationKeys.maskedSum(open, digestOf(sealed)),
    layout: maskedLayout(start.layout),
    maxUpdateBytes: stage.aggregation.maxUpdateBytes,
    ...(lease && { onPart: lease.renew }),
  });
}

/**
 * Removes the masks from a round's sum, and merges the mean as the only update of the round: every strategy that averages does
 * with it what it does with a mean of plain updates.
 *
 * @throws FedcardioError `BAD_MESSAGE` if the opened secrets are not those of the sites, `BAD_WEIGHTS` if the sum has changed
 */
export async function mergeMasked(
  store: FederationStore,
  open: Open,
  seal: Pick<Seal, 'updates' | 'sum'>,
  opened: Pick<Opened, 'self' | 'keys'>,
  lease?: Lease,
): Promise<Exclude<MergedEntries, { kind: 'refused' }>> {
  const { base, round } = open;
  if (!seal.sum) throw new FedcardioError('BAD_MESSAGE', 'The seal has no sum of masked updates.');
  const { stage, start } = await plannedStart(store, open);
  const { cohort, directory, document } = await cohortOf(store, open);
  const masks = masksOf({ cohort, round }, directory, listOf({ cohort }, round, seal.updates), opened);
  const masked = { layout: start.layout, terms: document.terms, masks, divisor: open.privacy?.sites };
  const digest = digestOf(seal);
  const mean = await writeMean(store, federationKeys.mean(open, digest), masked, wordsOf(store, seal.sum, lease), {
    // Differences from a global model are added to it by the merge.
    start: base ? undefined : start,
  });
  const merged = await mergeUpdates([{ site: 'the sum', samples: 1, weights: mean }], {
    store,
    key: federationKeys.global(open, digest),
    stateKey: federationKeys.state(open, digest),
    aggregation: stage.aggregation,
    base,
    delta: base !== null,
    dtype: 'F32',
    ...(base ? {} : { network: start.layout }),
    ...(lease && { onPart: lease.renew }),
  });
  const privacy = await privacyOfMerge(store, open, seal.updates, digest);
  if (merged.kind === 'merged') return { ...merged, ...(privacy && { privacy }) };
  if (merged.kind === 'impossible') return merged;
  const unreadable = merged.refused.find((refused) => refused.unreadable)?.unreadable;
  if (unreadable) throw unreadable.error;
  throw new FedcardioError('BAD_WEIGHTS', `${mean.key}: ${merged.refused.map(({ reason }) => reason).join('; ')}.`);
}

/** Writes the mean of a sum: differences, or with `start` whole weights. */
async function writeMean(
  store: FederationStore,
  key: ReturnType<typeof federationKeys.mean>,
  masked: MaskedFile,
  words: AsyncIterable<Int32Array>,
  { start }: { readonly start: StageStart | undefined },
): Promise<StoredFile> {
  const output = openOutput({ store, hashes: createHashes() }, key, encodeSafetensorsHeader(masked.layout));
  const toWhole = start && addingTo(start);
  const thread = createMaskThread(masked.masks);
  try {
    for await (const { tensor, values } of meanOfSums(masked, words, thread.add)) {
      await toWhole?.(tensor, values);
      await output.write(values);
    }
    return await output.close();
  } catch (error) {
    await output.abandon();
    throw error;
  } finally {
    await thread.close();
  }
}

/** Adds a stage's start to the parts of a mean, which come in file order. */
function addingTo({ tensor }: StageStart) {
  let current: { readonly name: string; readonly values: Float32Array } | undefined;
  let position = 0;
  return async (name: string, values: Float32Array): Promise<void> => {
    if (current?.name !== name) {
      current = { name, values: await tensor(name) };
      position = 0;
    }
    const from = current.values;
    for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + (from[position + i] as number);
    position += values.length;
  };
}

/** Bytes of the sum that are read with one request. */
const READ_BYTES = 4 * 1024 * 1024;

/** The words of a sum. Throws `BAD_WEIGHTS` after the last one if the file is not the one that was sealed. */
async function* wordsOf(store: FederationStore, file: StoredFile, lease?: Lease): AsyncGenerator<Int32Array> {
  const hash = createHash('sha256');
  const dataStart = safetensorsDataStart(await store.getRange(file.key, 0, 8));
  hash.update(await store.getRange(file.key, 0, dataStart));
  for (let at = dataStart; at < file.bytes; at += READ_BYTES) {
    const end = Math.min(file.bytes, at + READ_BYTES);
    const bytes = await store.getRange(file.key, at, end);
    if (bytes.length < end - at) break;
    hash.update(bytes);
    const { buffer, byteOffset } = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
    yield new Int32Array(buffer, byteOffset, bytes.length / 4);
    await lease?.renew();
  }
  if (hash.digest('hex') !== file.sha256) throw new FedcardioError('BAD_WEIGHTS', `${file.key} has changed.`);
}
