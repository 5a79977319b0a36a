import { type Encoding, STRATEGIES } from '../../lib/federation/schemas.ts';

/** A case of the benchmark. */
export interface Case {
  readonly name: string;
  /** As in a campaign, with the defaults of a new plan. */
  readonly aggregation: Readonly<Record<string, unknown>>;
  readonly updates: number;
  readonly parameters: number;
  readonly encoding: Encoding;
  /** Whether the round starts from no stored model. */
  readonly isFirst: boolean;
  /** Number of distinct files. Further updates repeat them. */
  readonly distinct: number;
  readonly repeats: number;
  /** Whether to compare the model with that of the same updates without encoding. */
  readonly comparesEncoding: boolean;
  /** Delay of the server before it starts a request, ms. */
  readonly latencyMs: number;
}

const F32: Encoding = { dtype: 'F32', delta: false };
/** Time to the first byte, less than that of most S3 requests. */
const FAR_MS = 30;

/** All strategies; remote storage, many updates, and a model four times as large; all encodings, the plain one first. */
export function casesOf(parameters: number, repeats: number): readonly Case[] {
  const usual = {
    parameters,
    repeats,
    updates: 8,
    encoding: F32,
    isFirst: false,
    distinct: 8,
    comparesEncoding: false,
    latencyMs: 0,
  };
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
    aCase('fedavg, clipFactor null', 'fedavg', { aggregation: { strategy: 'fedavg', clipFactor: null } }),
    // Every update is clipped, so that the merge starts again.
    aCase('fedavg, clipped', 'fedavg', { aggregation: { strategy: 'fedavg', clipNorm: 1 } }),
    aCase('fedavg, first round', 'fedavg', { isFirst: true }),
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
