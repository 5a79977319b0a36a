import type { PageContext } from '../context.ts';

/** A value of each context, made when it is first asked for. It lives as long as the page is served. */
export function perContext<T>(create: (context: PageContext) => T): (context: PageContext) => T {
  const values = new WeakMap<PageContext, { readonly value: T }>();
  return (context) => {
    const known = values.get(context) ?? { value: create(context) };
    values.set(context, known);
    return known.value;
  };
}
