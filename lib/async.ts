/** All items of an async iterable. (`Array.fromAsync` needs Node 22.) */
export async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/**
 * The results of `f` in the order of the items. Runs ahead of the consumer by at most `limit` calls. After an error no
 * further call starts; running calls finish.
 */
export async function* mapAhead<T, R>(
  items: Iterable<T>,
  limit: number,
  f: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  for (const item of items) {
    const result = f(item);
    // Errors surface when this is awaited later. Without a handler until then, they would end the process.
    result.catch(() => {});
    running.push(result);
    if (running.length >= limit) yield (await running.shift()) as R;
  }
  for (const result of running) yield await result;
}

/** All results of `f` in the order of the items, at most `limit` calls at a time. Throws the first error. */
export const mapConcurrently = <T, R>(
  items: Iterable<T>,
  limit: number,
  f: (item: T) => Promise<R>,
): Promise<readonly R[]> => collect(mapAhead(items, limit, f));
