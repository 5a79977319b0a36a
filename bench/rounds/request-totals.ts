/** Requests to an embedded server, including empty long polls. */
export interface RequestTotals {
  readonly s3: number;
  readonly sqs: number;
}

/** Resets the counts. The returned function gives the totals since its last call, and resets them. */
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
