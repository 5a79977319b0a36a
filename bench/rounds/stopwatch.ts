import { quantile } from '../../lib/scoring/quantile.ts';
import type { Queues } from '../../lib/storage/contract.ts';

/** Measures the time from a round's last upload to the first GPU task message of the next round. */
export function createStopwatch() {
  const lastUpload = new Map<number, number>();
  const firstTask = new Map<number, number>();
  return {
    /** To be called after an update was uploaded. */
    uploaded: (round: number) => void lastUpload.set(round, performance.now()),
    watchSend:
      (send: Queues['send']): Queues['send'] =>
      async (queue, body) => {
        await send(queue, body);
        const { round } = JSON.parse(body) as { round: number };
        if (!firstTask.has(round)) firstTask.set(round, performance.now());
      },
    quantiles: () => {
      const waits = [...firstTask].flatMap(([round, at]) => {
        const before = lastUpload.get(round - 1);
        return before === undefined ? [] : [at - before];
      });
      return { p50: Math.round(quantile(waits, 0.5) as number), p90: Math.round(quantile(waits, 0.9) as number) };
    },
  };
}
