import { type Row, rowOf } from './compared-models.ts';

/** The federated algorithms that the `algorithms` experiment compares: stage and model → row of the tables. */
export const ALGORITHMS = {
  fedavg: 'FedAvg',
  fedprox: 'FedProx',
  fedbn: 'FedBN',
  scaffold: 'SCAFFOLD',
  fedper: 'FedPer',
  ditto: 'Ditto',
} as const;

/** What the others are compared with. */
export const BASELINE = 'fedavg' satisfies keyof typeof ALGORITHMS;

export const ALGORITHM_ROWS: readonly Row[] = Object.entries(ALGORITHMS).map(([model, title]) => ({
  ...rowOf(() => model),
  title,
}));
