/** All that an async iterable yields. (`Array.fromAsync` needs Node 22.) */
export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/**
 * The results of `f` in the order of the items, with at most `limit` calls started and not yet taken. After an error
 * no further call is started; those under way are left to finish.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T>,
  limit: number,
  f: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const underWay: Promise<R>[] = [];
  for (const item of items) {
    const result = f(item);
    // It is awaited later: without a handler until then, a failure would end the process.
    result.catch(() => {});
    underWay.push(result);
    if (underWay.length >= limit) yield (await underWay.shift()) as R;
  }
  for (const result of underWay) yield await result;
}

/** All results of `f` in the order of the items, at most `limit` calls at a time. Throws the first error. */
export const mapConcurrently = <T, R>(
  items: Iterable<T>,
  limit: number,
  f: (item: T) => Promise<R>,
): Promise<readonly R[]> => collect(mapAhead(items, limit, f));
