/** Requests that an embedded server took, long polls that brought nothing included. */
export interface RequestTotals {
  readonly s3: number;
  readonly sqs: number;
}

/** Counts from now on; the function that is returned gives what came since. */
export async function countRequests(endpoint: string): Promise<() => Promise<RequestTotals>> {
  const take = async () => {
    const answer = await fetch(`${endpoint}/_fedcardio/requests`, { method: 'DELETE' });
    const totals = (await answer.json()) as Readonly<Record<'s3' | 'sqs', Readonly<Record<string, number>>>>;
    const sum = (counts: Readonly<Record<string, number>>) =>
      Object.values(counts).reduce((all, count) => all + count, 0);
    return { s3: sum(totals.s3), sqs: sum(totals.sqs) };
  };
  await take();
  return take;
}
