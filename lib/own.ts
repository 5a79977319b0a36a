/** A record's own value of a name that comes from a document: "constructor" must not find the prototype's. */
export const own = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
