/** Requests by operation since the start or the last reset: `{ s3: { PutObject: 3 }, sqs: { SendMessage: 1 } }`. */
type RequestTotals = Readonly<Record<'s3' | 'sqs', Readonly<Record<string, number>>>>;

/** Counts requests, including refused and failed ones and each retry, but not those without a known S3 operation. */
export interface RequestCounts {
  add(service: 's3' | 'sqs', operation: string): void;
  totals(): RequestTotals;
  reset(): void;
}

export function createRequestCounts(): RequestCounts {
  const counts = { s3: new Map<string, number>(), sqs: new Map<string, number>() };
  const sorted = (byName: ReadonlyMap<string, number>) =>
    Object.fromEntries([...byName].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    add: (service, operation) => counts[service].set(operation, (counts[service].get(operation) ?? 0) + 1),
    totals: () => ({ s3: sorted(counts.s3), sqs: sorted(counts.sqs) }),
    reset() {
      counts.s3.clear();
      counts.sqs.clear();
    },
  };
}
