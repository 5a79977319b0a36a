import { fileURLToPath } from 'node:url';
import { median, significant } from '../figures/numbers.ts';
import { figuresOf } from '../processes/run-in-process.ts';

/** A merge of arrays that are in memory already. */
export interface PeerFigures {
  readonly updates: number;
  readonly updateMB: number;
  readonly seconds: number;
  readonly peakRssMB: number;
}

const SCRIPT = fileURLToPath(new URL('../../scripts/bench-merge.py', import.meta.url));
const PEERS = { 'Flower, in memory': 'flower', 'FLARE, in memory': 'flare' } as const;
const UPDATES = 8;

/** Merges of other systems, each in its own process. None without FEDCARDIO_BENCH_PEERS, a Python that has them. */
export async function measurePeers(
  parameters: number,
  repeats: number,
): Promise<Readonly<Record<string, PeerFigures>>> {
  const python = process.env.FEDCARDIO_BENCH_PEERS;
  if (!python) return {};
  const figures: Record<string, PeerFigures> = {};
  for (const [name, peer] of Object.entries(PEERS)) {
    console.error(`${name} …`);
    const runs: Pick<PeerFigures, 'seconds' | 'peakRssMB'>[] = [];
    while (runs.length < repeats) {
      runs.push(await figuresOf(python, [SCRIPT, peer, String(parameters), String(UPDATES)]));
    }
    figures[name] = {
      updates: UPDATES,
      updateMB: significant((4 * parameters) / 1e6),
      seconds: significant(median(runs.map(({ seconds }) => seconds))),
      peakRssMB: Math.max(...runs.map(({ peakRssMB }) => peakRssMB)),
    };
  }
  return figures;
}
