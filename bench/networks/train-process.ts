import { loadBackend } from '../../lib/nn/backend.ts';
import { median, significant } from '../figures/numbers.ts';
import { networkNamed } from './networks.ts';
import { trainingOf, trainSteps } from './steps.ts';

/** Steps of one network that a process measures. */
export interface TrainJob {
  readonly backend: 'native' | 'wasm';
  readonly network: string;
  /** Side in voxels. */
  readonly patch: number;
  readonly batch: number;
  /** Untimed first steps, which compile and allocate. */
  readonly warmUp: number;
  readonly steps: number;
}

/** Figures of one run. scripts/bench-torch.py prints the same. */
export interface TrainFigures {
  readonly backend: string;
  /** Of the median step. */
  readonly stepsPerSecond: number;
  readonly slowestMs: number;
  /** Processor time of all threads in the median step, which other programs affect less than the time. */
  readonly cpuMs: number;
}

const { backend, network: name, patch, batch, warmUp, steps } = JSON.parse(process.argv[2] ?? '') as TrainJob;
const { description } = await loadBackend(backend);
const network = networkNamed(name);
const seconds: number[] = [];
const cpuMs: number[] = [];
let [last, lastCpu] = [performance.now(), process.cpuUsage()];
await trainSteps(network, trainingOf(patch, warmUp + steps, batch), () => {
  const { user, system } = process.cpuUsage(lastCpu);
  seconds.push((performance.now() - last) / 1000);
  cpuMs.push((user + system) / 1000);
  [last, lastCpu] = [performance.now(), process.cpuUsage()];
});
const after = seconds.slice(warmUp);
console.log(
  JSON.stringify({
    backend: description,
    stepsPerSecond: significant(1 / median(after)),
    slowestMs: significant(1000 * Math.max(...after)),
    cpuMs: significant(median(cpuMs.slice(warmUp))),
  } satisfies TrainFigures),
);
