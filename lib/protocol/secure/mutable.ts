/** The same value without `readonly`, as schemas infer it. */
export const mutable = <T>(value: T): Mutable<T> => value as Mutable<T>;
type Mutable<T> = T extends object ? { -readonly [K in keyof T]: Mutable<T[K]> } : T;
