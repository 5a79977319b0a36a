import { type Encoding, STRATEGIES } from '../../lib/federation/schemas.ts';

/** What is merged, and how often. */
export interface Case {
  readonly name: string;
  /** As a campaign would have it. */
  readonly aggregation: Readonly<Record<string, unknown>>;
  readonly updates: number;
  readonly parameters: number;
  readonly encoding: Encoding;
  /** Files that are made for it; more updates than that name the same ones again. */
  readonly distinct: number;
  readonly repeats: number;
  /** Whether to compare the model with that of the same updates sent as they are. */
  readonly comparesEncoding: boolean;
  /** What the server waits before it begins on a request. */
  readonly latencyMs: number;
}

const F32: Encoding = { dtype: 'F32', delta: false };
/** To the first byte: less than S3 takes for most requests. */
const FAR_MS = 30;

/** All strategies; then storage far away, many updates, and a model four times as large; then all encodings, the plain one first. */
export function casesOf(parameters: number, repeats: number): readonly Case[] {
  const usual = { parameters, repeats, updates: 8, encoding: F32, distinct: 8, comparesEncoding: false, latencyMs: 0 };
  const aCase = (name: string, strategy: string, fields: Partial<Case> = {}): Case => ({
    ...usual,
    name,
    aggregation: { strategy },
    ...fields,
  });
  const large = { parameters: Math.round(parameters * 4.03), distinct: 2, repeats: 1 };
  const encoded = (dtype: Encoding['dtype'], delta: boolean) => {
    const fields = { encoding: { dtype, delta }, distinct: 2, repeats: 1, comparesEncoding: true };
    return aCase(`fedavg, ${dtype}${delta ? ' delta' : ''}`, 'fedavg', fields);
  };
  return [
    ...STRATEGIES.map(({ name }) => aCase(name, name)),
    aCase('fedavg, clipped', 'fedavg', { aggregation: { strategy: 'fedavg', clipNorm: 1 } }),
    aCase(`fedavg, ${FAR_MS} ms away`, 'fedavg', { latencyMs: FAR_MS }),
    aCase('fedavg, 32 updates', 'fedavg', { updates: 32, repeats: 1 }),
    aCase('median, 32 updates', 'median', { updates: 32, repeats: 1 }),
    aCase('fedavg, 1 GB model', 'fedavg', large),
    aCase('median, 1 GB model', 'median', large),
    encoded('F32', false),
    encoded('F32', true),
    encoded('F16', false),
    encoded('F16', true),
    encoded('BF16', false),
    encoded('BF16', true),
  ];
}
