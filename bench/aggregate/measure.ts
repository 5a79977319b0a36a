import type { MergeInput } from '../../lib/aggregation/inputs.ts';
import type { MergeOptions } from '../../lib/aggregation/merge-options.ts';
import { strategyOf } from '../../lib/aggregation/strategies/strategies.ts';
import { createObjectStorage } from '../../lib/aws/objects.ts';
import type { FederationKey } from '../../lib/federation/keys.ts';
import { aggregationSchema, type Encoding, plannedAggregation, type StoredFile } from '../../lib/federation/schemas.ts';
import type { FederationStore } from '../../lib/storage/contract.ts';
import { median, significant } from '../figures/numbers.ts';
import type { Case } from './cases.ts';
import type { MergeFigures } from './merge-process.ts';
import { BUCKET, relativeError, storeModel } from './models.ts';
import { runMerge } from './run-merge.ts';

export interface Figures {
  readonly updates: number;
  readonly updateMB: number;
  /** Time of a merge divided by the time to download its updates with the same client; median of the pairs. */
  readonly ratioToDownload: number;
  readonly seconds: number;
  readonly downloadSeconds: number;
  /** Processor time of the merging process divided by that of the downloading one: noise on the machine hardly changes it. */
  readonly cpuRatioToDownload: number;
  /** Peak memory of the merging process. */
  readonly peakRssMB: number;
  /** Throughput of the updates, each counted once. */
  readonly MBps: number;
  /** Error of the encoding in the merged model, relative to the change by the round. */
  readonly relativeError?: number;
}

/** Measures cases sequentially on a server that has their bucket. */
export function createMeasurement(endpoint: string) {
  const store: FederationStore = createObjectStorage({ endpoint })(BUCKET);
  const made = new Map<string, Promise<StoredFile>>();
  let plain: StoredFile | undefined;

  /** A synthetic file, created on first use. */
  function file(parameters: number, update: number, encoding: Encoding): Promise<StoredFile> {
    const key = `${parameters}/${update}-${encoding.dtype}${encoding.delta ? '-delta' : ''}` as FederationKey;
    const stored = made.get(key) ?? storeModel(store, key, { parameters, update, encoding });
    made.set(key, stored);
    return stored;
  }

  return async function measure(wanted: Case): Promise<Figures> {
    const { parameters, encoding, updates, distinct, comparesEncoding } = wanted;
    const inputs: MergeInput[] = [];
    for (let i = 0; i < updates; i++) {
      const weights = await file(parameters, 1 + (i % distinct), encoding);
      inputs.push({ site: `site-${i}`, samples: 10 + i, weights });
    }
    const base = await file(parameters, 0, { dtype: 'F32', delta: false });
    await setLatency(endpoint, wanted.latencyMs);
    const pairs = await runPairs(endpoint, wanted, inputs, base);
    await setLatency(endpoint, 0);
    const global = pairs.at(-1)?.merged.global as StoredFile;
    if (!comparesEncoding) return figuresOf(inputs, pairs);
    // The first encoding is the plain one.
    plain ??= global;
    return {
      ...figuresOf(inputs, pairs),
      relativeError: significant(await relativeError(store, global, plain, base)),
    };
  };
}

async function setLatency(endpoint: string, ms: number): Promise<void> {
  const body = JSON.stringify({ rules: ms > 0 ? [{ fault: 'slow', ms }] : [] });
  const { ok, status } = await fetch(`${endpoint}/_fedcardio/faults`, { method: 'PUT', body });
  if (!ok) throw new Error(`The server answered ${status} to a latency of ${ms} ms.`);
}

interface Pair {
  readonly download: MergeFigures;
  readonly merged: MergeFigures;
}

/** Pairs of a download and a merge. */
async function runPairs(
  endpoint: string,
  { name, aggregation, encoding, isFirst, repeats }: Case,
  inputs: readonly MergeInput[],
  base: StoredFile,
): Promise<readonly Pair[]> {
  const parsed = plannedAggregation(aggregationSchema.parse(aggregation));
  const merge = (state: StoredFile | null, name: string) => {
    const from: MergeOptions['base'] = isFirst ? null : { ...base, state };
    const keys = { key: name as FederationKey, stateKey: `${name} state` as FederationKey };
    return runMerge({ endpoint, inputs, merge: { aggregation: parsed, base: from, ...encoding, ...keys } });
  };
  // A round in the middle of a stage, with the state of the server optimiser.
  const keepsState = strategyOf(parsed).moments.length > 0;
  const state = keepsState ? ((await merge(null, 'before')).state ?? null) : null;
  const pairs: Pair[] = [];
  for (let i = 0; i < repeats; i++) {
    pairs.push({ download: await runMerge({ endpoint, inputs }), merged: await merge(state, name) });
  }
  return pairs;
}

function figuresOf(inputs: readonly MergeInput[], pairs: readonly Pair[]): Figures {
  const seconds = median(pairs.map(({ merged }) => merged.seconds));
  const bytes = inputs.reduce((sum, { weights }) => sum + weights.bytes, 0);
  return {
    updates: inputs.length,
    updateMB: significant((inputs[0]?.weights.bytes ?? 0) / 1e6),
    ratioToDownload: significant(median(pairs.map(({ merged, download }) => merged.seconds / download.seconds))),
    seconds: significant(seconds),
    downloadSeconds: significant(median(pairs.map(({ download }) => download.seconds))),
    cpuRatioToDownload: significant(
      median(pairs.map(({ merged, download }) => merged.cpuSeconds / download.cpuSeconds)),
    ),
    peakRssMB: Math.max(...pairs.map(({ merged }) => merged.peakRssMB)),
    MBps: significant(bytes / 1e6 / seconds),
  };
}
