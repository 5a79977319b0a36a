import { NO_INTERRUPTION } from '../../gpu-tasks/context.ts';
import { publishUpdate } from '../../gpu-tasks/publish.ts';
import type { GpuTaskLauncher } from '../../handlers/context.ts';
import type { GpuTaskMessage } from '../../lib/federation/schemas.ts';
import type { Stores } from '../../lib/storage/contract.ts';
import { decodeSafetensors, encodeSafetensors } from '../../lib/weights/safetensors.ts';
import type { Weights } from '../../lib/weights/weights.ts';

/** 100 kB of float32 values. */
const VALUES = 25_000;

/**
 * A launcher whose GPU tasks do not train: a site adds its number to the global model and publishes the update as a real GPU
 * task does.
 */
export function simulatedSites(
  { federationStore, siteStore }: Stores,
  uploaded: (round: number) => void,
): GpuTaskLauncher {
  const context = {
    federationStore,
    siteStore,
    checkpointStore: siteStore,
    cache: { maxBytes: 0, get: () => Promise.reject(new Error('There is no data.')) },
    backend: 'simulated',
    memoryLimit: undefined,
    now: () => new Date(),
    log: () => undefined,
    progress: () => undefined,
    interruption: NO_INTERRUPTION,
  };
  async function work(message: GpuTaskMessage): Promise<void> {
    const { base, round, site } = message;
    const model = base && decodeSafetensors((await federationStore.get(base.key)).body);
    const step = Number(site.split('-').at(-1));
    const data = Float32Array.from(model?.get('w')?.data ?? new Float32Array(VALUES), (value, i) => value + step + i);
    const weights: Weights = new Map([['w', { dtype: 'F32', shape: [VALUES], data }]]);
    const sent = { bytes: encodeSafetensors(weights), delta: false };
    const result = { samples: 10, weights: sent, figures: { loss: 1 / round }, cases: {} };
    await publishUpdate(context, message, result, { seconds: 0, withdrawals: new Map() });
    uploaded(round);
  }
  return {
    submit: async (message) => {
      work(message).catch((error) => console.error(error));
    },
  };
}
